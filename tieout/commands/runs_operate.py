"""`runs pause`, `cancel`, `retry` and `replay`: stopping what goes on, and doing again what came to nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from tieout.commands import terminal
from tieout.commands.research import finish
from tieout.commands.shell import Json, RunId
from tieout.commands.shell import desk as open_desk

if TYPE_CHECKING:
    from tieout.model import Principal, Run, RunState
    from tieout.ports import Desk, Replayed, RunFilter

OptionalRun = Annotated[
    str | None, typer.Argument(metavar="RUN", help="The run's id, or the beginning of it.", show_default=False)
]
States = Annotated[list[str] | None, typer.Option("--state", help="Runs that are failed or cancelled; repeat it.")]
AgentName = Annotated[str | None, typer.Option("--agent", help="Runs of this agent.")]
ErrorText = Annotated[str | None, typer.Option("--error", help="Runs whose error holds this text.")]
Since = Annotated[
    str | None, typer.Option("--since", metavar="TIME", help="Runs asked then or later: 2h, 7d, 2030-12-01T09:00.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only name the runs.")]


def pause_run(run_id: RunId, as_json: Json = False) -> None:
    """Begin no further step of a run; `runs resume` lets it go on."""
    with open_desk() as (desk, who):
        run = desk.pause(who, run_id)
    _told(run, f"{run.id} is {run.state}. To go on: tieout runs resume {run.id}", as_json=as_json)


def cancel_run(
    run_id: RunId,
    step: Annotated[str | None, typer.Option("--step", help="Cancel only this step, by its key.")] = None,
    as_json: Json = False,
) -> None:
    """Cancel what has not finished of a run, or one step of it."""
    with open_desk() as (desk, who):
        run = desk.cancel(who, run_id) if step is None else desk.cancel_step(who, run_id, step)
    done = "" if step is None else f"Step {step} is cancelled; "
    _told(run, f"{done}{run.id} is {run.state}.", as_json=as_json)


def retry_run(run_id: RunId, as_json: Json = False) -> None:
    """Give a run's dead, cancelled and retrying steps fresh attempts, without waiting for what comes of it."""
    with open_desk() as (desk, who):
        run = desk.replay(who, run_id)
        say_who_works(desk, run)
    _told(run, f"{run.id} is {run.state}.", as_json=as_json)


def replay_runs(
    run_id: OptionalRun = None,
    step: Annotated[
        str | None, typer.Option("--from", metavar="STEP", help="Do this step, and all that follows from it, again.")
    ] = None,
    redeliver: Annotated[
        bool, typer.Option("--redeliver", help="Send again, too, what these steps had sent: people get it twice.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Follow the run to its end and print its result.")] = False,
    state: States = None,
    agent: AgentName = None,
    error: ErrorText = None,
    since: Since = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Do a run again from a step on, or what has no result of it; without RUN, that of all runs that fit.

    Finished steps before it are kept. What was sent is not sent again, unless --redeliver says so.
    """
    from tieout.errors import InvalidInput

    filters = bool(state or agent or error or since or dry_run)
    if run_id is not None and filters:
        raise InvalidInput("Give either a run, or --state, --agent, --error, --since and --dry-run, not both.")
    if run_id is None:
        if step is not None or redeliver or wait:
            raise InvalidInput("--from, --redeliver and --wait are for one run: name it.")
        if not filters:
            raise InvalidInput("Name a run, or say which ones: --state failed, --agent, --error or --since.")
        replay_fitting(run_filter(state, agent, error, since), dry_run=dry_run, as_json=as_json)
        return
    if redeliver:
        terminal.say("Warning: what the replayed steps had sent (messages, posts, model calls) is sent again.")
    with open_desk(work=wait) as (desk, who):
        before = desk.run(who, run_id)
        seen = last_event(desk, who, before.id)
        run = desk.replay(who, before.id, step=step, redeliver=redeliver)
        if wait:
            raise typer.Exit(finish(desk, who, run, as_json=as_json, after=seen))
        say_who_works(desk, run)
        if step is None and run.state.final:
            terminal.say("All of it that can have a result has one. To do a step again: --from STEP")
    _told(run, f"{run.id} is {run.state}.", as_json=as_json)


def replay_fitting(where: RunFilter, *, dry_run: bool, as_json: bool) -> None:
    """Replay all runs that fit, and say which."""
    from tieout import codec

    with open_desk() as (desk, who):
        replayed = desk.replay_many(who, where, dry_run=dry_run)
        served = getattr(desk, "url", None) is not None
    if as_json:
        terminal.show_json(codec.dump(replayed))
        return
    _show_replayed(replayed)
    if replayed.runs and not (served or dry_run):
        terminal.say("`tieout up` or `tieout worker` carries them on, and so does `tieout runs resume RUN` for each.")


def run_filter(state: list[str] | None, agent: str | None, error: str | None, since: str | None) -> RunFilter:
    """Return the filter that the options say. Raises InvalidInput."""
    from tieout.ports import RunFilter

    return RunFilter(_states(state or ()), agent, error, _time(since) if since else None)


def _states(texts: list[str] | tuple[str, ...]) -> tuple[RunState, ...]:
    from tieout.errors import InvalidInput
    from tieout.model import RunState

    unknown = set(texts) - set(RunState)
    if unknown:
        raise InvalidInput(f"There is no state {', '.join(sorted(unknown))}; the states are {', '.join(RunState)}.")
    return tuple(RunState(text) for text in texts)


def _time(text: str) -> datetime:
    """Return a time (UTC) that is given as how long ago, or as date and clock of this machine's zone."""
    from tieout.errors import InvalidInput
    from tieout.recurrence.durations import parse_duration

    try:
        return datetime.fromisoformat(text).astimezone().astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    try:
        return datetime.now(UTC) - parse_duration(text)
    except InvalidInput as error:
        raise InvalidInput(f"{text!r} is no time: write 2h or 7d for how long ago, or 2030-12-01T09:00.") from error


def _show_replayed(replayed: Replayed) -> None:
    what = "would be replayed" if replayed.dry_run else "replayed"
    for run_id in replayed.runs:
        terminal.show(run_id)
    for run_id, why in replayed.refused.items():
        terminal.say(f"{run_id} is left alone: {terminal.line(why)}")
    more = "; the same command takes those that are left" if replayed.more else ""
    count = len(replayed.runs)
    terminal.say(f"{count} {'run' if count == 1 else 'runs'} {what}{more}.")


def last_event(desk: Desk, who: Principal, run_id: str) -> int:
    """Return the number of the run's last event."""
    seen = 0
    while events := desk.events(who, run_id, after=seen):
        seen = events[-1].seq
    return seen


def say_who_works(desk: Desk, run: Run) -> None:
    """Say what carries a run on when no service does."""
    if getattr(desk, "url", None) is None and not run.state.final:
        terminal.say(f"`tieout up`, `tieout worker` or `tieout runs resume {run.id}` carries it on.")


def _told(run: Run, text: str, *, as_json: bool) -> None:
    from tieout import codec

    if as_json:
        terminal.show_json({"run": codec.dump(run)})
    else:
        terminal.show(text)
