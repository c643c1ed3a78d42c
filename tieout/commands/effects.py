"""`effects`: what may or may not have left the system, because nobody recorded how it ended."""

from __future__ import annotations

from typing import Annotated

import typer

from tieout.commands import terminal
from tieout.commands.shell import Json
from tieout.commands.shell import desk as open_desk

app = typer.Typer(no_args_is_help=True, help="Look at messages, posts and model calls of unknown outcome.")


@app.callback()
def effects() -> None:
    """Keep `list` a command of its own, also while it is the only one."""


@app.command("list")
def list_effects(
    limit: Annotated[int, typer.Option("-n", "--limit", help="How many, oldest first.")] = 50,
    as_json: Json = False,
) -> None:
    """List effects that were begun and whose outcome is not known, oldest first."""
    from tieout import codec
    from tieout.ports import Effect

    with open_desk() as (desk, who):
        found = desk.unknown_effects(who, limit=limit)
    if as_json:
        terminal.show_json({"effects": codec.dump(found, list[Effect])})
        return
    if not found:
        terminal.say("No effect of unknown outcome.")
        return
    rows = [
        (one.run_id, one.step, one.kind, one.attempts, f"{one.begun_at.astimezone():%Y-%m-%d %H:%M}", one.key)
        for one in found
        if one.begun_at is not None
    ]
    terminal.show_table(("Run", "Step", "Kind", "Attempts", "Begun", "Effect"), rows, right=("Attempts",))
    terminal.say(
        "What waits for a decision: tieout runs waiting. The others are looked into when their step runs again."
    )
