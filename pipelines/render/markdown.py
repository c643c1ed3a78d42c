"""Renders a report as Markdown: numbers carry footnotes that lead to a quotation or to a computation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pipelines.render.segments import paragraphs, segments
from pipelines.render.sources import Citation, Quote, Sources, gather
from pipelines.render.summary import badge, facts_line, status_mark, warning
from pipelines.render.text import code_block, code_span, long_date, markdown, markdown_block, period_text, with_unit
from tieout.model import Claim, NumberStatus, Page, Report, Section, Table

_INDENT = "    "


def render_markdown(
    report: Report, pages: Iterable[Page] = (), *, charts: Mapping[str, tuple[str, str]] | None = None
) -> str:
    """Return `report.md`.

    `charts` gives, by chart id, the file's relative name and its text for screen readers. Text from outside is
    escaped; the same report gives the same text.
    """
    sources = gather(report, pages)
    blocks = [*_head(report), *_answer(report, sources)]
    for section in report.draft.sections:
        blocks += _section(section, sources, charts or {})
    if report.draft.notes:
        blocks.append("## Conventions and limits")
        blocks.append("\n".join(f"- {markdown_block(markdown(note))}" for note in report.draft.notes))
    if sources.open:
        blocks.append("## Numbers without a tie")
        blocks.append("\n".join(_open_lines(sources)))
    blocks.append("## Sources")
    blocks += [_footnote(citation) for citation in sources.citations]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _head(report: Report) -> list[str]:
    title = "# " + (markdown(report.draft.title).strip() or "Report")
    line = about_line(report)
    mark = "✓" if not warning(report) else "⚠"
    head = [title, f"**{mark} {badge(report)}** · {line}", f"> {markdown_block(markdown(report.question))}"]
    if warning(report):
        head.insert(1, f"> **{markdown(warning(report))}**")
    return head


def about_line(report: Report) -> str:
    """Return the line under the title; identifiers stand as code so that they can be copied."""
    code = ("Run", "Data")
    return " · ".join(
        f"{label}: {code_span(value) if label in code else markdown(value)}" for label, value in facts_line(report)
    )


def _answer(report: Report, sources: Sources) -> list[str]:
    return ["## In short", *_prose(report.draft.answer, sources)]


def _section(section: Section, sources: Sources, charts: Mapping[str, tuple[str, str]]) -> list[str]:
    blocks = [f"## {markdown(section.title).strip()}", *_prose(section.claims, sources)]
    for table in section.tables:
        blocks += [f"**{markdown(table.title).strip()}**" if table.title.strip() else "", table_text(table, sources)]
    for chart in section.charts:
        if chart.id in charts:
            name, alt = charts[chart.id]
            blocks += [
                f"![{markdown(alt)}]({name})",
                f"*{markdown(chart.title).strip()}* {markdown(chart.note)}".strip(),
            ]
    return blocks


def _prose(claims: tuple[Claim, ...], sources: Sources) -> list[str]:
    blocks = []
    for group in paragraphs(claims):
        text = markdown_block(" ".join(claim_text(claim, sources).strip() for claim in group))
        blocks.append(f"> {text}" if group[0].kind == "quote" else text)
    return blocks


def claim_text(claim: Claim, sources: Sources) -> str:
    """Return one claim as Markdown with its marks: `[^3]` behind a tied number, `**394 [open]**` for an open one."""
    out: list[str] = []
    for piece in segments(claim):
        text = markdown(piece.text)
        if out and out[-1].endswith("]") and text[:1] in ("(", ":"):
            text = "\\" + text  # "[^1](…" would be a link
        if piece.number is None:
            out.append(text)
            continue
        citation = sources.of(piece.number)
        mark = f"[^{citation.ref}]" if citation else ""
        if piece.number.status is not NumberStatus.TIED:
            text = f"**{text.strip()} {status_mark(piece.number.status)}**"
        out.append(text + mark)
    return "".join(out).rstrip() + "".join(f"[^{citation.ref}]" for citation in sources.behind(claim))


def table_text(table: Table, sources: Sources) -> str:
    """Return a table of claims as a Markdown table; columns with numbers are set right."""
    right = numeric_columns(table)
    head = [markdown(column).strip() or " " for column in table.columns]
    rule = ["---:" if index in right else "---" for index in range(len(head))]
    rows = [[claim_text(cell, sources).strip() or " " for cell in row] for row in table.rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, rule, *rows])


def numeric_columns(table: Table) -> set[int]:
    """Return the indexes of the columns that hold numbers of the ledger."""
    return {index for row in table.rows for index, cell in enumerate(row) if cell.numbers}


def _open_lines(sources: Sources) -> list[str]:
    lines = []
    for entry in sources.open:
        reason = entry.number.reason or "no fact or cited passage gives this number"
        lines.append(
            f"- **{markdown(entry.number.text).strip()} {status_mark(entry.number.status)}** "
            f"in “{markdown(entry.claim).strip()}”: {markdown(reason).strip()}"
        )
    return lines


def _footnote(citation: Citation) -> str:
    head = f"[^{citation.ref}]: "
    blocks = source_blocks(citation)
    return head + blocks[0] + "".join("\n\n" + _indented(block) for block in blocks[1:])


def _indented(block: str) -> str:
    return "\n".join(_INDENT + line for line in block.split("\n"))


def source_blocks(citation: Citation) -> list[str]:
    """Return a source as Markdown blocks: for a computed number its method, inputs and SQL, else the quotation."""
    fact = citation.fact
    if fact is None:
        if not citation.quotes:
            return [f"{markdown(citation.title)} (no quotation kept)"]
        return [quote_line(quote) for quote in citation.quotes]
    facts = [
        f"**{markdown(fact.name).strip()}** = {markdown(with_unit(fact.value, fact.unit))}",
        markdown(fact.method).strip().rstrip("."),
        f"period {markdown(period_text(fact.period))}" if fact.period else "",
        f"as of {long_date(fact.as_of)}",
        f"computed from {code_span(fact.snapshot)}",
    ]
    blocks = ["; ".join(part for part in facts if part) + "."]
    if citation.quotes:
        blocks.append("\n".join(f"- {quote_line(quote)}" for quote in citation.quotes))
    blocks.append(code_block(fact.sql, "sql"))
    if fact.parameters:
        pairs = ", ".join(code_span(f"${name} = {shown(value)}") for name, value in sorted(fact.parameters.items()))
        blocks.append(f"with {pairs}")
    return blocks


def quote_line(quote: Quote) -> str:
    """Return a quotation on one line with its document and page, and for a table cell which cell it is."""
    place = f"{markdown(quote.document).strip()}, {markdown(quote.where).strip()}".strip(", ")
    only = next(iter(quote.cells.values())) if len(quote.cells) == 1 else ""  # several cells: the row says it
    cell = f" ({markdown(only).strip()})" if only else ""
    return f"{place}{cell}: {code_span(quote.text)}" if quote.text else f"{place}{cell}"


def shown(value: Any) -> str:
    """Return a parameter's value as text."""
    if isinstance(value, list | tuple):
        return "[" + ", ".join(shown(item) for item in value) + "]"
    return str(value)
