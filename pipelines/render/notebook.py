"""Renders a report as a notebook that computes each of its numbers again from rows that it carries itself.

The notebook needs neither tieout nor the lake. Text from outside reaches Markdown cells escaped and code cells
only as literals; SQL parameters are bound. Outputs are stored as a run would print them: each fact is computed
again while the notebook is made, and one that does not come out the same stops the rendering.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import pyarrow as pa

from pipelines.render import notebook_code as code
from pipelines.render.markdown import about_line, claim_text, numeric_columns, quote_line
from pipelines.render.rows import evaluate, open_rows, same_value, to_parquet
from pipelines.render.segments import paragraphs, section_claims
from pipelines.render.sources import Citation, Sources, gather
from pipelines.render.summary import badge, companies, snapshots, warning
from pipelines.render.text import (
    code_span,
    long_date,
    markdown,
    markdown_block,
    one_line,
    period_text,
    plain_decimal,
    with_unit,
)
from tieout.errors import TieoutError
from tieout.model import Chart, Claim, Fact, Page, Report, Section, Table

_WIDTH = 112  # characters of base64 on a line
_DOLLAR = "<span>$</span>"  # Jupyter reads a lone dollar sign as a formula even when it is escaped


def render_notebook(report: Report, rows: Mapping[str, pa.Table], pages: Iterable[Page] = ()) -> str:
    """Return `report.ipynb` as text; `rows` are the tables that the facts and charts read.

    Raises TieoutError naming the first fact that `rows` do not reproduce.
    """
    return _Builder(report, rows, gather(report, pages)).build()


class _Builder:
    """Collects cells; each gets a fixed id, so that the same report makes the same file."""

    def __init__(self, report: Report, rows: Mapping[str, pa.Table], sources: Sources) -> None:
        self.report = report
        self.rows = rows
        self.sources = sources
        self.facts = {fact.id: fact for fact in report.ledger.facts}
        self.computed = recompute(report.ledger.facts, rows)
        self.placed: list[str] = []
        self.cells: list[Any] = []
        self.runs = 0

    def build(self) -> str:
        self._opening()
        self._section(Section("In short", self.report.draft.answer))
        for section in self.report.draft.sections:
            self._section(section)
        self._rest()
        self._closing()
        # plain JSON of nbformat 4.5: the package would cost a second of imports; the tests validate with it
        notebook = {"cells": self.cells, "metadata": self._metadata(), "nbformat": 4, "nbformat_minor": 5}
        return json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n"

    def _metadata(self) -> dict[str, object]:
        about = {
            "run_id": self.report.run_id,
            "as_of": self.report.as_of.isoformat(),
            "question": one_line(self.report.question),
            "companies": list(companies(self.report)),
            "snapshots": list(snapshots(self.report)),
        }
        kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
        return {"kernelspec": kernel, "language_info": {"name": "python"}, "tieout": about}

    # -------------------------------------------------------- cells

    def text(self, *blocks: str) -> None:
        """Add a Markdown cell."""
        source = "\n\n".join(block for block in blocks if block).replace("\\$", _DOLLAR)
        self._add("markdown", source, {})

    def code(self, source: str, output: str = "", *, hidden: bool = False) -> None:
        """Add a code cell with what it prints."""
        self.runs += 1
        printed = {"output_type": "stream", "name": "stdout", "text": output.splitlines(keepends=True)}
        metadata = {"jupyter": {"source_hidden": True}, "tags": ["data"]} if hidden else {}
        self._add("code", source, metadata, outputs=[printed] if output else [], execution_count=self.runs)

    def _add(self, kind: str, source: str, metadata: Mapping[str, object], **more: object) -> None:
        lines = source.splitlines(keepends=True)
        name = f"cell-{len(self.cells):04d}"
        self.cells.append({"cell_type": kind, "id": name, "metadata": metadata, "source": lines, **more})

    # -------------------------------------------------------- parts

    def _opening(self) -> None:
        report = self.report
        self.text(
            f"# {markdown(report.draft.title).strip() or 'Report'}",
            f"**{markdown(warning(report))}**" if warning(report) else "",
            f"> {markdown_block(markdown(report.question))}",
            f"**{badge(report)}** · {about_line(report)}",
            "This notebook carries the rows behind the report and computes every computed number again from them. "
            "It needs `duckdb` and `pyarrow`, and `matplotlib` for the charts: "
            "`pip install duckdb pyarrow matplotlib`. It reads no file and no network. "
            "A value counts as reproduced when it is the report's, doubles compared at 15 significant digits "
            "(the order of addition may move the last three).",
        )
        self.code(code.SETUP)
        for name in sorted(self.rows):
            table = self.rows[name]
            packed = base64.b64encode(to_parquet(table)).decode("ascii")
            lines = [packed[at : at + _WIDTH] for at in range(0, len(packed), _WIDTH)]
            printed = f"{name}: {table.num_rows:,} rows, {table.num_columns} columns\n"
            self.code(code.data_cell(name, lines), printed, hidden=True)

    def _section(self, section: Section) -> None:
        blocks = [f"## {markdown(section.title).strip()}"]
        for group in paragraphs(section.claims):
            line = markdown_block(" ".join(self._claim(claim) for claim in group))
            blocks.append(f"> {line}" if group[0].kind == "quote" else line)
        for table in section.tables:
            blocks += [f"**{markdown(table.title).strip()}**" if table.title.strip() else "", self._table(table)]
        blocks.append(self._quotes(section))
        self.text(*blocks)
        for fact in self._new_facts(section):
            self._fact(fact)
        for chart in section.charts:
            self._chart(chart)

    def _claim(self, claim: Claim) -> str:
        # footnote marks are a Markdown dialect that notebooks do not read: plain brackets instead
        return claim_text(claim, self.sources).replace("[^", "[").strip()

    def _table(self, table: Table) -> str:
        right = numeric_columns(table)
        head = [markdown(column).strip() or " " for column in table.columns]
        rule = ["---:" if index in right else "---" for index in range(len(head))]
        rows = [[self._claim(cell) or " " for cell in row] for row in table.rows]
        return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, rule, *rows])

    def _citations(self, section: Section) -> list[Citation]:
        cited: list[Citation | None] = []
        for claim in section_claims(section):
            cited += [self.sources.of(number) for number in claim.numbers]
            cited += self.sources.behind(claim)
        return list({citation.ref: citation for citation in cited if citation is not None}.values())

    def _quotes(self, section: Section) -> str:
        lines = [
            f"- [{citation.ref}] {quote_line(quote)}"
            for citation in self._citations(section)
            if citation.fact is None
            for quote in citation.quotes
        ]
        return "\n".join(["Quoted:", "", *lines]) if lines else ""

    def _new_facts(self, section: Section) -> list[Fact]:
        ids = [citation.fact.id for citation in self._citations(section) if citation.fact is not None]
        return [self.facts[id_] for id_ in dict.fromkeys(ids) if id_ not in self.placed]

    def _fact(self, fact: Fact) -> None:
        self.placed.append(fact.id)
        citation = next((c for c in self.sources.citations if c.fact is not None and c.fact.id == fact.id), None)
        ref = f"[{citation.ref}] " if citation else ""
        period = period_text(fact.period)
        lines = [
            f"### {ref}{markdown(fact.name).strip()}",
            f"{markdown(fact.method).strip().rstrip('.')}. "
            + (f"Period: {markdown(period)}. " if period else "")
            + f"As of {long_date(fact.as_of)}, computed from {code_span(fact.snapshot)}. "
            + f"The report prints {markdown(fact.display or with_unit(fact.value, fact.unit)).strip()}.",
        ]
        if citation and citation.quotes:
            lines.append("\n".join(f"- {quote_line(quote)}" for quote in citation.quotes))
        self.text(*lines)
        value = self.computed[fact.id]
        name = one_line(fact.name)
        printed = f"{name} = {plain_decimal(value)} {fact.unit} (report: {plain_decimal(fact.value)}): reproduced\n"
        self.code(code.fact_cell(fact), printed)

    def _chart(self, chart: Chart) -> None:
        self.text(f"### {markdown(chart.title).strip()}", markdown(chart.note).strip())
        self.code(code.chart_cell(chart))

    def _rest(self) -> None:
        rest = [fact for fact in self.report.ledger.facts if fact.id not in self.placed]
        if rest:
            self.text("## Other computed numbers", "Computed for this report, not printed in it.")
        for fact in rest:
            self._fact(fact)

    def _closing(self) -> None:
        if self.report.draft.notes:
            notes = "\n".join(f"- {markdown_block(markdown(note))}" for note in self.report.draft.notes)
            self.text("## Conventions and limits", notes)
        total = len(self.facts)
        self.text("## Result")
        self.code(code.final_cell(total), f"{total} of {total} computed numbers reproduced\n")


def recompute(facts: Iterable[Fact], rows: Mapping[str, pa.Table]) -> dict[str, Decimal]:
    """Return each fact's value computed again over `rows`, by id. Raises TieoutError at the first that differs."""
    values: dict[str, Decimal] = {}
    with open_rows(rows) as connection:
        for fact in facts:
            value = values[fact.id] = evaluate(connection, fact)
            if not same_value(value, fact.value):
                raise TieoutError(
                    f"Fact {fact.name!r} ({fact.id}) does not reproduce: the report says {fact.value}, "
                    f"its SQL over the report's rows gives {value}. The rows or the snapshot are not those it read."
                )
    return values
