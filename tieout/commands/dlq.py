"""`dlq`: steps that ended without a result, why, and doing them again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tieout.commands import runs_operate, terminal
from tieout.commands.runs_operate import AgentName, DryRun, ErrorText, OptionalRun, Since
from tieout.commands.shell import Json, RunId
from tieout.commands.shell import desk as open_desk

if TYPE_CHECKING:
    from tieout.model import DeadLetter

app = typer.Typer(no_args_is_help=True, help="Look at dead letters (steps that ended without a result), do them again.")

OptionalStep = Annotated[str | None, typer.Argument(metavar="STEP", help="The step's key.", show_default=False)]


@app.command("list")
def list_letters(
    run_id: OptionalRun = None,
    limit: Annotated[int, typer.Option("-n", "--limit", help="How many, newest first.")] = 20,
    as_json: Json = False,
) -> None:
    """List dead letters, newest first."""
    from tieout import codec
    from tieout.model import DeadLetter

    with open_desk() as (desk, who):
        letters = desk.dead_letters(who, limit=limit, run_id=run_id)
    if as_json:
        terminal.show_json({"dead_letters": codec.dump(letters, list[DeadLetter])})
        return
    if not letters:
        terminal.say("No dead letters.")
        return
    rows = [
        (one.run_id, one.run_state, one.agent, one.step.key, _when(one), one.step.attempt, (one.step.error or "")[:120])
        for one in letters
    ]
    terminal.show_table(("Run", "State", "Agent", "Step", "Died", "Attempts", "Error"), rows, right=("Attempts",))


@app.command("show")
def show_letters(run_id: RunId, step: OptionalStep = None, as_json: Json = False) -> None:
    """Show a run's dead letters in full, or one of them."""
    from tieout import codec
    from tieout.errors import NotFound
    from tieout.model import DeadLetter

    with open_desk() as (desk, who):
        run = desk.run(who, run_id)
        letters = desk.dead_letters(who, limit=1_000, run_id=run.id)
    found = [one for one in letters if step in (None, one.step.key)]
    if not found:
        there = ", ".join(one.step.key for one in letters) or "none"
        raise NotFound(f"{run.id} has no dead letter{f' {step!r}' if step else ''}; it has: {there}.")
    if as_json:
        terminal.show_json({"dead_letters": codec.dump(found, list[DeadLetter])})
        return
    for one in found:
        _show(one)


@app.command("replay")
def replay_letters(
    run_id: OptionalRun = None,
    step: OptionalStep = None,
    all_runs: Annotated[bool, typer.Option("--all", help="The dead letters of all failed runs that fit.")] = False,
    redeliver: Annotated[
        bool, typer.Option("--redeliver", help="Send again, too, what STEP and those after it had sent.")
    ] = False,
    agent: AgentName = None,
    error: ErrorText = None,
    since: Since = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Give a run's dead letters fresh attempts; with STEP, do that one and all that follows from it again."""
    from tieout.errors import InvalidInput

    if all_runs:
        if run_id is not None or redeliver:
            raise InvalidInput("--all is for the runs that fit; leave RUN, STEP and --redeliver out.")
        where = runs_operate.run_filter(["failed"], agent, error, since)
        runs_operate.replay_fitting(where, dry_run=dry_run, as_json=as_json)
        return
    if run_id is None:
        raise InvalidInput("Name a run, or say --all.")
    if agent or error or since or dry_run:
        raise InvalidInput("--agent, --error, --since and --dry-run go with --all.")
    runs_operate.replay_runs(run_id, step, redeliver, as_json=as_json)


def _show(letter: DeadLetter) -> None:
    import json

    step = letter.step
    terminal.show(f"{letter.run_id}  {letter.run_state}  {letter.agent}")
    terminal.paragraphs(letter.question)
    terminal.show(terminal.line(f"Step {step.key} ({step.action}) died {_when(letter)}, attempt {step.attempt}"))
    terminal.paragraphs(f"Error: {step.error or 'none'}")
    if step.input:
        terminal.show(terminal.line(f"Input: {json.dumps(dict(step.input))}")[:2_000])
    terminal.say(f"To do it again: tieout dlq replay {letter.run_id} {step.key}")
    terminal.show()


def _when(letter: DeadLetter) -> str:
    at = letter.step.finished_at
    return "" if at is None else f"{at.astimezone():%Y-%m-%d %H:%M}"
