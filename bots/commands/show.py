"""`show`: a run's answer, or how it stands."""

from __future__ import annotations

from bots.answer import answer_of, find_run
from bots.command import Argument, Asked, Command, Reply
from bots.commands._asking import run_id_in, suggest_runs
from tieout.model import Role


def show(asked: Asked) -> Reply:
    """Show the answer of a run."""
    run = find_run(asked.desk, asked.principal, run_id_in(asked.text("run")))
    return Reply(answer_of(asked.desk, asked.principal, run, verbosity=asked.settings.verbosity))


COMMAND = Command(
    "show",
    "Show a run's answer.",
    show,
    (Argument("run", "the run's id, or its beginning", suggest=suggest_runs),),
    Role.VIEWER,
    ("show",),
)
