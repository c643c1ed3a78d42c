"""Says in a chat what came of a run: short answer, key numbers with their marks, sources, picture, buttons, files."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from bots.render.document import Button, ButtonStyle, Document, File
from bots.render.escape import cell, literal
from tieout.errors import NotFound
from tieout.model import Artifact, Principal, Run, RunState
from tieout.ports import Desk

_MARKS = {"tied": "✓", "open": "[open]", "contradicted": "[contradicted]"}
_ROWS = {"short": 6, "normal": 12, "full": 100}
_QUOTES = {"short": 2, "normal": 5, "full": 50}
_LEDGER = "ledger.json"
_OFFERED = ("report.html", "report.ipynb", _LEDGER)
_ENDS = {
    RunState.FAILED: "That failed",
    RunState.CANCELLED: "That was cancelled",
    RunState.NEEDS_ANSWER: "I need to know more",
}


def answer_of(desk: Desk, principal: Principal, run: Run, *, verbosity: str = "normal") -> Document:
    """Return what to say about the run, in whatever state it is; the asker's workspace must be the run's."""
    if not run.state.final:
        return Document(f"Run {run.id} is {run.state}.", (Button("Cancel", f"cancel:{run.id}", ButtonStyle.DANGER),))
    result = desk.result(principal, run.id)
    if run.state in _ENDS:
        return _ended(run, result)
    artifacts = desk.artifacts(principal, run.id)
    names = _names(desk, principal, run, artifacts)
    lines = [*_head(result), *_numbers(result, names, verbosity), *_sources(result, verbosity)]
    if verbosity != "short":
        lines += _notes(result)
    return Document("\n".join(lines), _buttons(run, result, artifacts), _pictures(artifacts), _files(artifacts))


def answered_below(run: Run) -> Document:
    """Return what the progress message says in the end."""
    return Document(f"Answered below. Run {run.id} is {run.state}.")


def sources_of(desk: Desk, principal: Principal, run: Run) -> Document:
    """Return every source of the run's numbers: quotes with their pages, facts with their SQL."""
    lines = ["**Sources**", ""]
    for source, text in _cited(desk.result(principal, run.id)):
        lines += [f"- {literal(text)}: {_where(source)}"]
        if source.get("quote"):
            lines += [f"  > {cell(source['quote'])}"]
        elif source.get("sql"):
            lines += ["", "  ```sql", *(f"  {line}" for line in str(source["sql"]).splitlines()), "  ```"]
    if len(lines) == 2:
        lines.append("This answer has no numbers.")
    return Document("\n".join(lines))


def _ended(run: Run, result: Mapping[str, Any]) -> Document:
    why = str(result.get("answer") or run.error or "no reason was recorded")
    retry = (Button("Try again", f"retry:{run.id}", ButtonStyle.PRIMARY),) if run.state is RunState.FAILED else ()
    return Document(f"**{_ENDS[run.state]}.** {literal(why)}", retry)


def _head(result: Mapping[str, Any]) -> Iterator[str]:
    counts = result["ledger"]
    yield literal(str(result["answer"])) or "I found nothing about that."
    yield ""
    if counts["open"] or counts["contradicted"]:
        yield f"⚠ **Needs review**: {counts['tied']} of {counts['numbers']} numbers tie out."
        yield ""
    elif counts["numbers"]:
        as_of = f" · as of {result['as_of']}" if result.get("as_of") else ""
        yield f"✓ **{counts['tied']} of {counts['numbers']} numbers tied**{as_of}"
        yield ""


def _names(desk: Desk, principal: Principal, run: Run, artifacts: Sequence[Artifact]) -> Mapping[str, str]:
    """Return what numbers are numbers of, by how they are printed; those that stand for one thing only."""
    if not any(artifact.name == _LEDGER for artifact in artifacts):
        return {}
    facts = json.loads(desk.artifact_bytes(principal, run.id, _LEDGER))["facts"]
    named: dict[str, set[str]] = {}
    for fact in facts:
        period = (fact.get("period") or {}).get("fiscal_year")
        named.setdefault(str(fact["display"]), set()).add(fact["name"] + (f", fiscal {period}" if period else ""))
    return {display: names.pop() for display, names in named.items() if len(names) == 1}


def _numbers(result: Mapping[str, Any], names: Mapping[str, str], verbosity: str) -> Iterator[str]:
    """Yield a table of the numbers, each once, with what it comes from."""
    rows = [
        f"| {cell(names.get(text, ''))} | {cell(text)} | {_MARKS[status]} | {_where(source)} |"
        for text, status, source in _key_numbers(result)
    ]
    if rows:
        yield from ("| | Number | | Source |", "|---|---|---|---|", *rows[: _ROWS[verbosity]], "")
        if len(rows) > _ROWS[verbosity]:
            yield f"{len(rows) - _ROWS[verbosity]} more numbers are in the report."
            yield ""


def _key_numbers(result: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any] | None]]:
    seen: set[tuple[str, str]] = set()
    for claim in result["claims"]:
        for number in claim["numbers"]:
            known = number["text"], json.dumps(number["source"], sort_keys=True)
            if known not in seen:
                seen.add(known)
                yield number["text"], number["status"], number["source"]


def _sources(result: Mapping[str, Any], verbosity: str) -> Iterator[str]:
    """Yield the quotes, each once, with document and page."""
    quotes = dict.fromkeys(
        (str(source["quote"]), _where(source)) for source, _ in _cited(result) if source.get("quote")
    )
    for quote, where in list(quotes)[: _QUOTES[verbosity]]:
        yield f"> {cell(quote)}"
        yield ">"
        yield f"> — {where}"
        yield ""


def _cited(result: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], str]]:
    for text, _, source in _key_numbers(result):
        if source:
            yield source, text


def _where(source: Mapping[str, Any] | None) -> str:
    if source is None:
        return "no source"
    if source["kind"] == "span":
        label = source.get("page_label")
        printed = f" (printed {cell(str(label))})" if label and str(label) != str(source["page"]) else ""
        return f"{cell(str(source['document']))}, page {source['page']}{printed}"
    return f"computed from {cell(str(source['snapshot'] or 'facts'))}"


def _notes(result: Mapping[str, Any]) -> Iterator[str]:
    for note in result["notes"]:
        yield f"- {literal(str(note))}"


def _buttons(run: Run, result: Mapping[str, Any], artifacts: Sequence[Artifact]) -> tuple[Button, ...]:
    return (
        *_links(run, str(result.get("url") or ""), {one.name for one in artifacts}),
        Button("Sources", f"sources:{run.id}"),
        Button("Run again", f"rerun:{run.id}"),
        Button("Schedule", f"repeat:{run.id}"),
        Button("Good", f"good:{run.id}"),
        Button("Bad", f"bad:{run.id}"),
    )


def _links(run: Run, url: str, made: Collection[str]) -> Iterator[Button]:
    """Yield buttons that open pages of the service; what a circle alone may read has none there."""
    if url and not run.request.audience:
        if "report.html" in made:
            yield Button("Open report", f"report:{run.id}", ButtonStyle.PRIMARY, f"{url}/report")
        if "report.ipynb" in made:
            yield Button("Open notebook", f"notebook:{run.id}", url=f"{url}/artifacts/report.ipynb")


def _pictures(artifacts: Sequence[Artifact]) -> tuple[File, ...]:
    return tuple(_file(one) for one in artifacts if one.media_type == "image/png")


def _files(artifacts: Sequence[Artifact]) -> tuple[File, ...]:
    return tuple(_file(one) for one in artifacts if one.name in _OFFERED)


def _file(artifact: Artifact) -> File:
    return File(artifact.name, artifact.media_type, artifact.sha256, artifact.size)


def find_run(desk: Desk, principal: Principal, reference: str) -> Run:
    """Return the run. Raises NotFound in words for a chat."""
    try:
        return desk.run(principal, reference)
    except NotFound as error:
        raise NotFound(f"{error.message} `runs` lists the newest.") from error
