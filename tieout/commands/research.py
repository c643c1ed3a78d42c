"""`research`, `ask` and `demo`: a question in, a sourced answer out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tieout.commands import event_words, progress, terminal
from tieout.commands.shell import EXIT_CODES, FAILED, INTERRUPTED, Json
from tieout.commands.shell import desk as open_desk

if TYPE_CHECKING:
    from tieout.model import OpenWait, Principal, Run
    from tieout.ports import Desk

DEMO_QUESTION = (
    "How did Apple's revenue, margins and cash flow change in fiscal 2022, and how has the stock done since?"
)
DEMO_TICKER = "AAPL"

Question = Annotated[str, typer.Argument(help="What you want to know.")]
Tickers = Annotated[list[str] | None, typer.Option("--ticker", "-t", help="A company that it is about; repeat it.")]
AsOf = Annotated[
    datetime | None,
    typer.Option("--as-of", formats=["%Y-%m-%d"], help="Use nothing known later (default: the last price's day)."),
]
Priority = Annotated[
    int, typer.Option("--priority", min=-100, max=100, help="Before runs of a lower one of the workspace.")
]


def research(
    question: Question, ticker: Tickers = None, as_of: AsOf = None, priority: Priority = 0, as_json: Json = False
) -> None:
    """Research a question and write a report in which every number ties out."""
    raise typer.Exit(answer("research", question, tuple(ticker or ()), as_of, priority=priority, as_json=as_json))


def ask(
    question: Question, ticker: Tickers = None, as_of: AsOf = None, priority: Priority = 0, as_json: Json = False
) -> None:
    """Give a short sourced answer in seconds, without a report."""
    raise typer.Exit(answer("ask", question, tuple(ticker or ()), as_of, priority=priority, as_json=as_json))


def demo(as_json: Json = False) -> None:
    """Load the sample pack and research its question about Apple's fiscal 2022."""
    from tieout.sample import load_sample_pack

    with open_desk(work=True) as (desk, who):
        load_sample_pack(desk, who, tell=terminal.say)
        if not as_json:
            terminal.say(DEMO_QUESTION)
        code = ask_desk(desk, who, "research", DEMO_QUESTION, (DEMO_TICKER,), None, as_json=as_json)
    raise typer.Exit(code)


def answer(
    agent: str,
    question: str,
    tickers: tuple[str, ...],
    as_of: datetime | None,
    *,
    priority: int = 0,
    as_json: bool,
) -> int:
    """Open the desk, run the question, print its result and return the exit code."""
    with open_desk(work=True) as (desk, who):
        return ask_desk(desk, who, agent, question, tickers, as_of, priority=priority, as_json=as_json)


def ask_desk(
    desk: Desk,
    who: Principal,
    agent: str,
    question: str,
    tickers: tuple[str, ...],
    as_of: datetime | None,
    *,
    priority: int = 0,
    as_json: bool,
) -> int:
    """Run the question at an open desk, print its result and return the exit code."""
    from tieout.model import RunRequest

    day = as_of.date() if as_of else None
    request = RunRequest(question, agent=agent, tickers=tickers, as_of=day, door="cli", priority=priority)
    run = desk.start_run(who, request)
    return finish(desk, who, run, as_json=as_json)


def finish(desk: Desk, who: Principal, run: Run, *, as_json: bool, after: int = 0) -> int:
    """Follow a run to its end, print its result and return the exit code; Ctrl-C leaves it to be resumed.

    A run that only a person can let go on is left waiting, with what to do about it.
    """
    try:
        run = progress.watch(desk, who, run, quiet=as_json, after=after)
    except KeyboardInterrupt:
        if getattr(desk, "url", None):
            terminal.say(f"The run goes on in the service: `tieout runs watch {run.id}` follows it.")
        else:
            terminal.say(f"Stopped; finished steps are kept. To go on: tieout runs resume {run.id}")
        return INTERRUPTED
    result = exported(desk, who, run.id)
    if as_json:
        terminal.show_json(result)
    elif run.state.value == "waiting":
        show_ways_on(desk.waits(who, run_id=run.id))
    else:
        show_result(result)
    return EXIT_CODES.get(str(result["status"]), FAILED)


def show_ways_on(waits: Sequence[OpenWait]) -> None:
    """Say what a run waits for, and by which command a person ends each of these waits."""
    for wait in waits:
        if wait.state.value == "open":
            note = f": {terminal.line(wait.note)}" if wait.note else ""
            terminal.say(f"{wait.step} waits for {wait.kind} {wait.name!r}{note}")
            if (command := event_words.way_to_end(wait)) is not None:
                terminal.say(f"    {command}")


def exported(desk: Desk, who: Principal, run_id: str) -> dict[str, Any]:
    """Return the run's result with its artifacts written to the reports folder, their paths in it."""
    result = dict(desk.result(who, run_id))
    paths = {path.name: str(path) for path in desk.export_artifacts(who, run_id)}
    names: Mapping[str, str | None] = result.get("artifacts") or {}
    result["artifacts"] = {kind: paths.get(name or "") for kind, name in names.items()}
    return result


def show_result(result: Mapping[str, Any]) -> None:
    """Print a result for people: the answer, its numbers and their sources, notes, and where the report is."""
    status, counts = result["status"], result["ledger"]
    terminal.show()
    if status == "needs_answer":
        terminal.paragraphs(str(result["answer"]))
        terminal.say("Ask again with the answer to this question.")
        return
    if status in {"failed", "cancelled"}:
        terminal.say(f"Error: {terminal.line(result['answer']) or 'the run failed'}")
        terminal.say(f"`tieout runs show {result['run_id']}` says which step; `tieout runs resume` tries again.")
        return
    terminal.paragraphs(str(result["answer"]))
    _show_numbers(result)
    for note in result.get("notes") or ():
        terminal.show(f"Note: {terminal.line(note)}")
    dated = f" As of {result['as_of']}." if result.get("as_of") else ""
    terminal.show(
        f"{counts['numbers']} numbers: {counts['tied']} tied, {counts['open']} open, "
        f"{counts['contradicted']} contradicted.{dated}"
    )
    places = [path for path in (result.get("artifacts") or {}).values() if path]
    if places:
        terminal.show(f"Report: {Path(places[0]).parent}")
        for path in places:
            terminal.show(f"  {path}")


def _show_numbers(result: Mapping[str, Any], most: int = 15) -> None:
    """Print the distinct numbers of the answer with their sources, the ones that are not tied first."""
    rows: dict[tuple[str, str], tuple[str, str, str]] = {}
    numbers = [(claim, number) for claim in result["claims"] for number in claim["numbers"]]
    numbers.sort(key=lambda pair: pair[1]["status"] == "tied")
    for claim, number in numbers:
        said = _around(str(claim["text"]), str(number["text"]))
        rows.setdefault((number["text"], str(number["value"])), (number["text"], _place(number), said))
    if not rows:
        terminal.show()
        return
    terminal.show_table(("Number", "Source", "Said of it"), list(rows.values())[:most])
    if len(rows) > most:
        terminal.show(f"and {len(rows) - most} more.")


def _around(sentence: str, number: str, before: int = 48, after: int = 20) -> str:
    """Return the words around a number in its sentence."""
    at = max(0, sentence.find(number))
    start, end = max(0, at - before), at + len(number) + after
    start = sentence.find(" ", start, at) + 1 if start else 0
    return ("…" if start else "") + sentence[start:end].strip() + ("…" if end < len(sentence) else "")


def _place(number: Mapping[str, Any]) -> str:
    source = number["source"]
    if number["status"] != "tied" or source is None:
        return str(number["status"]).upper()
    if source.get("kind") == "fact":
        return f"computed from {source.get('snapshot') or 'the lake'}"
    page = source.get("page_label") or source.get("page")
    return f"{source.get('document')}, p. {page}"
