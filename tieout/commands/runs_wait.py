"""`runs waiting`, `decide` and `signal`: what runs wait for, and what people and the world outside say to that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tieout.commands import event_words, terminal
from tieout.commands.runs_operate import OptionalRun, say_who_works
from tieout.commands.shell import Json, RunId
from tieout.commands.shell import desk as open_desk

if TYPE_CHECKING:
    from datetime import datetime

    from tieout.model import OpenWait


def list_waits(run_id: OptionalRun = None, as_json: Json = False) -> None:
    """List what the workspace's runs wait for now, or all that one run waits or waited for."""
    from tieout import codec
    from tieout.model import OpenWait

    with open_desk() as (desk, who):
        waits = desk.waits(who, run_id=desk.run(who, run_id).id if run_id is not None else None)
    if as_json:
        terminal.show_json({"waits": codec.dump(waits, list[OpenWait])})
        return
    if not waits:
        terminal.say("Nothing waits.")
        return
    show_waits(waits, runs=run_id is None)
    for wait in waits:
        if wait.state.value == "open" and (command := event_words.way_to_end(wait)) is not None:
            terminal.say(command)


def decide_wait(
    run_id: RunId,
    name: Annotated[str, typer.Argument(metavar="WAIT", help="Its name, the beginning of it, or its token.")],
    decision: Annotated[
        str,
        typer.Argument(
            metavar="DECISION",
            help="Of an approval: approved, refused. Of an effect of unknown outcome: arrived, resend, drop.",
        ),
    ],
    draft: Annotated[
        str | None, typer.Option("--draft", metavar="SHA256", help="The draft that you looked at, 12 digits or all.")
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept with the decision.")] = "",
    as_json: Json = False,
) -> None:
    """Decide what a run waits for, once and for good; the run's events keep who decided what."""
    from tieout import codec

    with open_desk() as (desk, who):
        wait = desk.decide(who, run_id, name, decision, draft_sha256=draft, reason=reason)
        say_who_works(desk, desk.run(who, wait.run_id))
    if as_json:
        terminal.show_json({"wait": codec.dump(wait)})
    else:
        terminal.show(terminal.line(f"{wait.kind} {wait.name!r} of {wait.run_id} is {wait.decision}."))


def signal_run(
    run_id: RunId,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The outside event's name.")],
    data: Annotated[str, typer.Option("--data", metavar="JSON", help="What the run gets with it, an object.")] = "{}",
    as_json: Json = False,
) -> None:
    """Tell a run that something happened outside; before its step waits for it, it is kept."""
    payload = _object(data)
    with open_desk() as (desk, who):
        run = desk.run(who, run_id)
        first = desk.signal(who, run.id, name, payload)
        run = desk.run(who, run.id)
        say_who_works(desk, run)
    if as_json:
        terminal.show_json({"run_id": run.id, "name": name, "first": first, "state": run.state.value})
    elif not first:
        terminal.show(f"{run.id} was told so before; nothing changed.")
    else:
        ended = " Nothing waits for it: the run has ended." if run.state.final else ""
        terminal.show(f"{run.id} is {run.state}.{ended}")


def show_waits(waits: Sequence[OpenWait], *, runs: bool = False) -> None:
    """Print waits as a table, with the run's id when they are of several runs."""
    rows = [
        (
            *((wait.run_id,) if runs else ()),
            wait.name,
            wait.kind,
            wait.step,
            _state(wait),
            _local(wait.until),
            _about(wait),
        )
        for wait in waits
    ]
    terminal.show_table((*(("Run",) if runs else ()), "Waits for", "Kind", "Step", "State", "Until", "About"), rows)


def _state(wait: OpenWait) -> str:
    if wait.state.value != "decided":
        return wait.state.value
    return f"{wait.decision} by {wait.decided_by}" if wait.decided_by else str(wait.decision)


def _about(wait: OpenWait) -> str:
    parts = [f"run {wait.child_run}"] if wait.child_run else []
    if wait.draft_sha256:
        parts.append(f"draft {event_words.short_hash(wait.draft_sha256)}")
    if wait.approvers:
        parts.append(f"by {event_words.listed(wait.approvers)}")
    reason = wait.payload.get("reason") if wait.kind.value in {"approval", "effect"} else None
    return "; ".join([*parts, *(str(text) for text in (wait.note, reason) if text)])


def _object(text: str) -> dict[str, Any]:
    import json

    from tieout.errors import InvalidInput

    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"--data is not JSON: {error}.") from error
    if not isinstance(value, dict):
        raise InvalidInput("--data must be a JSON object, such as '{\"price\": 3}'.")
    return value


def _local(at: datetime | None) -> str:
    return "" if at is None else f"{at.astimezone():%Y-%m-%d %H:%M}"
