"""Report: the text, and for each of its numbers what it rests on; wrong ties are corrected, two reports compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import quote

import panel as pn

from dashboards.ledger import Moved, compare, label, statement
from dashboards.parts import facts, heading, run_link, text
from dashboards.table import Table
from dashboards.view import Page, View
from tieout.model import Correction, NumberStatus, Run, RunState
from tieout.use_cases.ledgers import latest, numbers_of

_MOST = 300  # runs that are looked through for reports
_ROWS = 2_000  # that are shown of what a fact was computed from
_ANY, _NONE = "all numbers", "nothing"
_WRITTEN = (RunState.DONE, RunState.NEEDS_REVIEW)
_NOTHING = "There is no report yet. Ask something in a chat, with `tieout research`, or on a notebook."


def build(view: View) -> Sequence[Any]:
    """Return the report that the address names, else the newest."""
    found = view.desk.runs(view.who(), limit=_MOST, states=_WRITTEN)
    runs = {run.id: run for run in found if run.plan.agent == "research"}
    wanted = str(view.query.get("run", ""))
    if wanted:
        run = view.desk.run(view.who(), wanted)
        runs = {run.id: run, **runs}
    if not runs:
        return [text(f"<p>{escape(_NOTHING)}</p>")]
    names = {
        f"{run.request.question[:90]} · {run.created_at:%-d %b %Y, %H:%M} · …{id[-6:]}": id for id, run in runs.items()
    }
    chosen = pn.widgets.Select(
        label="Report",
        options=names,
        value=wanted or next(iter(runs)),
        max_width=720,
        min_width=250,
        sizing_mode="stretch_width",
    )
    view.sync(chosen, value="run")
    body = pn.Column(sizing_mode="stretch_width")

    def show(*_: object) -> None:
        body.objects = _Shown(view, view.desk.run(view.who(), chosen.value), names).body

    chosen.param.watch(lambda _: view.doing(show), "value")
    show()
    return [chosen, body]


class _Shown:
    """What one browser sees of one report."""

    def __init__(self, view: View, run: Run, names: Mapping[str, str]) -> None:
        self._view, self._run = view, run
        self._ledger = view.desk.ledger(view.who(), run.id)
        self._numbers = numbers_of(self._ledger)
        self._facts = {one["id"]: one for one in self._ledger["facts"]}
        self._spans = {one["id"]: one for one in self._ledger["spans"]}
        self._figures = {one["id"]: one for one in self._ledger["figures"]}
        self._status = pn.widgets.Select(label="Show", options=[_ANY, *[one.value for one in NumberStatus]], width=180)
        options = {label(index, number): index for index, (_, number) in enumerate(self._numbers, start=1)}
        self._number = pn.widgets.Select(
            label="Number",
            options={_NONE: 0, **options},
            value=0,
            max_width=420,
            min_width=250,
            sizing_mode="stretch_width",
        )
        others = {_NONE: "", **{name: id for name, id in names.items() if id != run.id}}
        self._other = pn.widgets.Select(
            label="Compare with", options=others, value="", max_width=720, min_width=250, sizing_mode="stretch_width"
        )
        view.sync(self._status, value="show")
        view.sync(self._number, value="number")
        view.sync(self._other, value="with")
        columns = ["Number", "Printed", "Value", "Unit", "Status", "Rests on", "Section", "Sentence"]
        self._table = Table("numbers", columns, chosen=self._choose, widths={"Sentence": 420}, page_size=12)
        self._shown: list[int] = []
        self._source = pn.Column(sizing_mode="stretch_width")
        self._compared = pn.Column(sizing_mode="stretch_width")
        self._status.param.watch(lambda _: view.doing(self._list), "value")
        self._number.param.watch(lambda _: view.doing(self._show_number), "value")
        self._other.param.watch(lambda _: view.doing(self._compare), "value")
        self._list()
        view.doing(self._show_number)
        view.doing(self._compare)

    @property
    def body(self) -> list[Any]:
        """Return the blocks, one below the other."""
        address = f"/runs/{quote(self._run.id)}/report"
        frame = (
            f'<iframe src="{address}" title="The report" sandbox="allow-scripts allow-downloads allow-popups" '
            'style="width:100%;height:72vh;border:1px solid var(--line);border-radius:6px;background:#fff"></iframe>'
        )
        return [
            text(self._summary()),
            pn.pane.HTML(frame, sizing_mode="stretch_width"),
            heading("Numbers and what they rest on"),
            pn.FlexBox(self._status, self._number),
            self._table.panel,
            self._source,
            heading("Compare"),
            self._other,
            self._compared,
        ]

    def _summary(self) -> str:
        counts = self._ledger["ledger"]
        left = counts["numbers"] - counts["tied"]
        mark = '<b class="tied">every number ties out</b>' if not left else f'<b class="open">{left} do not tie out</b>'
        return facts(
            {
                "Numbers": f"{counts['numbers']}: {counts['tied']} tied, {counts['open']} open, "
                f"{counts['contradicted']} contradicted; {mark}",
                "Run": run_link(self._run, self._run.id),
                "As of": escape(str(self._ledger["as_of"])),
                "Files": ", ".join(
                    f'<a href="/runs/{quote(self._run.id)}/artifacts/{name}">{name}</a>'
                    for name in ("report.ipynb", "report.md", "ledger.json")
                ),
            }
        )

    def _corrections(self) -> list[Correction]:
        return self._view.desk.corrections(self._view.who(), self._run.id)

    def _choose(self, row: int) -> None:
        self._number.value = self._shown[row]

    def _list(self) -> None:
        """Show the numbers that the filter lets through; a correction takes the place of what the ledger says."""
        corrected = latest(self._corrections())
        rows = []
        self._shown = []
        for index, (claim, number) in enumerate(self._numbers, start=1):
            status = corrected[index].status.value if index in corrected else number["status"]
            if self._status.value in (_ANY, status):
                self._shown.append(index)
                source = (number["source"] or {}).get("id", "")
                rests = self._facts[source]["name"] if source in self._facts else self._place(source)
                told = f"{status} (corrected)" if index in corrected else status
                rows.append(
                    [
                        index,
                        number["text"],
                        number["value"],
                        number["unit"],
                        told,
                        rests,
                        claim["section"],
                        claim["text"],
                    ]
                )
        self._table.show(rows)

    def _place(self, source: str) -> str:
        span = self._spans.get(source)
        return f"{span['document']}, page {span['page']}" if span else ""

    def _show_number(self) -> None:
        """Show what the chosen number rests on."""
        index = int(self._number.value or 0)
        if not 1 <= index <= len(self._numbers):
            note = "Choose a number, or click a row: you see the SQL and rows, or the page, that it comes from."
            self._source.objects = [text(f'<p class="quiet">{note}</p>')]
            return
        claim, number = self._numbers[index - 1]
        source = (number["source"] or {}).get("id", "")
        blocks = [text(statement(index, claim, number))]
        if source in self._facts:
            blocks += self._fact(self._facts[source])
        elif number["source"]:
            blocks.append(text(self._quoted(number["source"])))
        self._source.objects = [*blocks, *self._correcting(index)]

    def _fact(self, fact: Mapping[str, Any]) -> list[Any]:
        told = facts(
            {
                "Fact": f"<b>{escape(fact['name'])}</b> {escape(fact['display'])}",
                "Method": escape(fact["method"]),
                "Value": escape(f"{fact['value']} {fact['unit']}"),
                "Snapshot": f"<code>{escape(fact['snapshot'])}</code>",
                "As of": escape(str(fact["as_of"])),
                "Series": escape(", ".join(fact["series"])),
                "Parameters": escape(", ".join(f"{name} = {value}" for name, value in fact["parameters"].items())),
            }
        )
        blocks = [text(f"{told}<h3>SQL</h3><pre>{escape(fact['sql'])}</pre>")]
        for name, rows in self._view.desk.fact_rows(self._view.who(), self._run.id, fact["id"]).items():
            if rows.num_rows:
                cut = rows.slice(0, _ROWS)
                more = f", the first {_ROWS:,} of {rows.num_rows:,}" if rows.num_rows > _ROWS else ""
                table = Table(f"{fact['id']}-{name}", cut.column_names, page_size=8)
                table.show([list(row.values()) for row in cut.to_pylist()])
                blocks += [text(f"<h3>Rows of {escape(name)}{more}</h3>"), table.panel]
        for figure in (self._figures[id] for id in fact["figures"] if id in self._figures):
            marked = {"page": figure["page"], "start": figure["start"], "end": figure["end"]}
            blocks.append(text(self._pictured(figure["document_id"], **marked, quote_=figure["text"])))
        return blocks

    def _quoted(self, source: Mapping[str, Any]) -> str:
        span = self._spans.get(source["id"])
        if span is None:
            return f"<blockquote>{escape(source['quote'] or '')}</blockquote>"
        start, end = source["start"] or span["start"], source["end"] or span["end"]
        return self._pictured(span["document_id"], page=span["page"], start=start, end=end, quote_=span["quote"])

    def _pictured(self, document: str, *, page: int, start: int, end: int, quote_: str) -> str:
        """Return the page with the quotation marked."""
        address = f"/api/v1/documents/{quote(document)}/pages/{page}/picture?start={start}&end={end}"
        title = next((one["document"] for one in self._spans.values() if one["document_id"] == document), document)
        where = f"{title}, page {page}"
        return (
            f"<h3>{escape(where)}</h3><blockquote><mark>{escape(quote_)}</mark></blockquote>"
            f'<a href="/library?document={quote(document)}&amp;page={page}">Open the page in the library</a>'
            f'<p><img src="{address}" alt="{escape(where)}, with “{escape(quote_[:80])}” marked" loading="lazy"></p>'
        )

    def _correcting(self, index: int) -> list[Any]:
        """Return what was found about the number before, and a form to say that its tie is wrong."""
        before = [one for one in self._corrections() if one.number == index]
        lines = "".join(
            f"<li><b>{escape(one.status.value)}</b> by {escape(one.by)}, {one.at:%-d %b %Y, %H:%M} UTC: "
            f"{escape(one.reason)}{f' ({escape(self._named(one.source))})' if one.source else ''}</li>"
            for one in before
        )
        status = pn.widgets.Select(label="It is", options=[one.value for one in NumberStatus], value="open", width=150)
        sources = {_NONE: ""} | {f"{one['name']} = {one['display']}": id for id, one in self._facts.items()}
        sources |= {
            f"{one['document']}, page {one['page']}: {one['quote'][:60]}": id for id, one in self._spans.items()
        }
        source = pn.widgets.Select(
            label="It ties to", options=sources, max_width=420, min_width=250, sizing_mode="stretch_width"
        )
        reason = pn.widgets.TextInput(
            label="Reason",
            placeholder="What is wrong, and why",
            max_width=420,
            min_width=250,
            sizing_mode="stretch_width",
        )
        button = pn.widgets.Button(label="Keep the correction", color="primary")

        def keep() -> None:
            tied = status.value == NumberStatus.TIED.value
            given = Correction(index, NumberStatus(status.value), reason.value or "", source.value if tied else "")
            self._view.desk.correct(self._view.who(), self._run.id, given)
            self._list()
            self._show_number()
            self._view.say(f"Number {index} is {status.value}, with your reason.")

        button.on_click(lambda _: self._view.doing(keep))
        said = f"<ul>{lines}</ul>" if lines else ""
        form = pn.FlexBox(status, source, reason, button)
        return [text(f"<h3>Is this tie wrong?</h3>{said}"), form]

    def _named(self, source: str) -> str:
        return self._facts[source]["name"] if source in self._facts else self._place(source)

    def _compare(self) -> None:
        """Show what changed against the other report."""
        if not self._other.value:
            self._compared.objects = []
            return
        other = self._view.desk.ledger(self._view.who(), self._other.value)
        found = compare(other, self._ledger)
        columns = ["Number", "Company", "Other report", "This report", "Change", "What happened"]
        table = Table("moved", columns, nothing="No number moved.")
        table.show([_moved(one) for one in found.numbers])
        lists = "".join(
            f"<h3>{title}</h3><ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"
            for title, lines in (("Only in this report", found.added), ("Only in the other report", found.removed))
            if lines
        )
        self._compared.objects = [
            text(f"<p>{found.same} computed numbers are the same, {len(found.numbers)} are not.</p>"),
            table.panel,
            text(lists),
        ]


def _moved(one: Moved) -> list[object]:
    return [one.name, one.instrument, one.before, one.after, one.change, one.what]


PAGE = Page("/report", "Report", build, order=20)
