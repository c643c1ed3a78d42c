"""`runs prune`: remove finished runs that nobody needs any more."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

import typer

from tieout.commands import terminal
from tieout.commands.shell import Json
from tieout.commands.shell import desk as open_desk

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGE = re.compile(r"(\d{1,5})\s*([mhdw])")


def prune(
    older_than: Annotated[str, typer.Option("--older-than", help="How long ago they ended: 90d, 12h, 8w.")],
    state: Annotated[list[str] | None, typer.Option("--state", help="Only in this final state; repeat it.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Remove nothing, only count.")] = False,
    as_json: Json = False,
) -> None:
    """Remove runs that ended long ago, with their steps, events and artifacts.

    A run with an effect of unknown outcome or an open wait is kept.
    """
    from tieout import codec
    from tieout.errors import InvalidInput
    from tieout.model import RunState

    unknown = set(state or ()) - set(RunState)
    if unknown:
        raise InvalidInput(f"There is no state {', '.join(sorted(unknown))}; the states are {', '.join(RunState)}.")
    age = parse_age(older_than)
    with open_desk() as (desk, who):
        pruned = desk.prune(who, older_than=age, states=[RunState(one) for one in state or ()], dry_run=dry_run)
    if as_json:
        terminal.show_json({"pruned": codec.dump(pruned), "dry_run": dry_run})
        return
    kept = f" {pruned.kept} have something open and are kept." if pruned.kept else ""
    if dry_run:
        terminal.show(f"{pruned.runs} runs would be removed.{kept}")
    else:
        files = f", and {pruned.files} files ({pruned.size / 1e6:.1f} MB)" if pruned.files else ""
        terminal.show(f"{pruned.runs} runs were removed{files}.{kept}")


def parse_age(text: str) -> timedelta:
    """Return the length of time of a text such as 90d. Raises InvalidInput."""
    from tieout.errors import InvalidInput

    match = _AGE.fullmatch(text.strip().lower())
    if match is None:
        raise InvalidInput(f"{text!r} is no age; give a number and m, h, d or w, as in 90d.")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})
