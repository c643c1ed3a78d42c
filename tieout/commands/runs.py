"""`runs`: what was asked, how it stands, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tieout.commands import progress, runs_operate, runs_wait, terminal
from tieout.commands.research import finish, show_ways_on
from tieout.commands.shell import INTERRUPTED, Json, RunId
from tieout.commands.shell import desk as open_desk

if TYPE_CHECKING:
    from tieout.model import Step

app = typer.Typer(no_args_is_help=True, help="List, show, watch, stop, replay runs, and decide what they wait for.")


@app.command("list")
def list_runs(
    limit: Annotated[int, typer.Option("-n", "--limit", help="How many, newest first.")] = 20,
    state: Annotated[list[str] | None, typer.Option("--state", help="Only in this state; repeat it.")] = None,
    as_json: Json = False,
) -> None:
    """List runs, newest first."""
    from tieout import codec
    from tieout.errors import InvalidInput
    from tieout.model import Run, RunState

    unknown = set(state or ()) - set(RunState)
    if unknown:
        raise InvalidInput(f"There is no state {', '.join(sorted(unknown))}; the states are {', '.join(RunState)}.")
    with open_desk() as (desk, who):
        runs = desk.runs(who, limit=limit, states=[RunState(one) for one in state or ()])
    if as_json:
        terminal.show_json({"runs": codec.dump(runs, list[Run])})
        return
    if not runs:
        terminal.say('No runs yet. `tieout research "QUESTION"` starts one.')
        return
    rows = [(run.id, run.state, _local(run.created_at), run.request.agent, run.request.question[:60]) for run in runs]
    terminal.show_table(("Run", "State", "Asked", "Agent", "Question"), rows)


@app.command("show")
def show_run(run_id: RunId, as_json: Json = False) -> None:
    """Show a run with its steps, what they wait for, dead letters, sub-runs and artifacts."""
    from tieout import codec
    from tieout.model import Artifact, OpenWait, Step

    with open_desk() as (desk, who):
        run = desk.run(who, run_id)
        steps, artifacts = desk.steps(who, run.id), desk.artifacts(who, run.id)
        waits = desk.waits(who, run_id=run.id)
    dead = [step.key for step in steps if step.state.value == "dead"]
    if as_json:
        shown: dict[str, Any] = {"run": codec.dump(run), "steps": codec.dump(steps, list[Step])}
        shown |= {"waits": codec.dump(waits, list[OpenWait]), "dead_letters": dead}
        terminal.show_json({**shown, "artifacts": codec.dump(artifacts, list[Artifact])})
        return
    priority = f"  priority {run.request.priority}" if run.request.priority else ""
    terminal.show(f"{run.id}  {run.state}  asked {_local(run.created_at)} by {run.principal}{priority}")
    terminal.paragraphs(run.request.question)
    if run.parent_step:
        terminal.show(f"A sub-run: step {run.parent_step} of another run waits for it.")
    if run.error:
        terminal.show(f"Error: {terminal.line(run.error)}")
    rows = [(step.key, step.state, step.attempt, _seconds(step), step.error or "") for step in steps]
    terminal.show_table(("Step", "State", "Attempts", "Seconds", "Error"), rows, right=("Attempts", "Seconds"))
    if waits:
        runs_wait.show_waits(waits)
    if dead:
        terminal.show(f"Dead letters: {terminal.line(', '.join(dead))}. See `tieout dlq show {run.id}`.")
    if artifacts:
        files = [(one.name, one.media_type, one.size) for one in artifacts]
        terminal.show_table(("Artifact", "Kind", "Bytes"), files, right=("Bytes",))


@app.command("watch")
def watch_run(run_id: RunId, as_json: Json = False) -> None:
    """Follow a run's events until it ends."""
    from tieout import codec
    from tieout.model import Event

    told: list[Event] = []
    with open_desk() as (desk, who):
        run = desk.run(who, run_id)
        served = getattr(desk, "url", None) is not None
        # Without a service nobody else can work on the run while this command holds the folder.
        events = desk.follow(who, run.id) if served or run.state.final else iter(desk.events(who, run.id))
        try:
            for event in events:
                told.append(event)
                if not as_json:
                    terminal.show(progress.describe(event))
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        run = desk.run(who, run.id)
        still = desk.waits(who, run_id=run.id) if run.state.value == "waiting" else []
    if as_json:
        terminal.show_json({"run_id": run.id, "state": run.state.value, "events": codec.dump(told, list[Event])})
    if still:
        show_ways_on(still)
    elif not run.state.final:
        terminal.say(f"Nobody works on this run now. To go on: tieout runs resume {run.id}")


@app.command("resume")
def resume_run(run_id: RunId, as_json: Json = False) -> None:
    """Go on with a run that was paused, was stopped or has failed, and print its result."""
    with open_desk(work=True) as (desk, who):
        run = desk.run(who, run_id)
        seen = runs_operate.last_event(desk, who, run.id)
        if run.state.value not in {"done", "needs_review", "needs_answer"}:
            run = desk.resume(who, run.id)
        code = finish(desk, who, run, as_json=as_json, after=seen)
    raise typer.Exit(code)


for _name, _command in (
    ("pause", runs_operate.pause_run),
    ("cancel", runs_operate.cancel_run),
    ("retry", runs_operate.retry_run),
    ("replay", runs_operate.replay_runs),
    ("waiting", runs_wait.list_waits),
    ("decide", runs_wait.decide_wait),
    ("signal", runs_wait.signal_run),
):
    app.command(_name)(_command)


def _seconds(step: Step) -> str:
    if step.started_at is None or step.finished_at is None:
        return ""
    return f"{(step.finished_at - step.started_at).total_seconds():.1f}"


def _local(at: Any) -> str:
    return str(at.astimezone().strftime("%Y-%m-%d %H:%M"))
