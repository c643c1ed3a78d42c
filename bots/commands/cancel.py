"""`cancel`: stop a run."""

from __future__ import annotations

from bots.answer import find_run
from bots.command import Argument, Asked, Command, Reply
from bots.commands._asking import run_id_in, suggest_runs
from bots.render.document import Document


def cancel(asked: Asked) -> Reply:
    """Cancel what has not finished of a run."""
    run = find_run(asked.desk, asked.principal, run_id_in(asked.text("run")))
    if run.state.final:
        return Reply(Document(f"Run {run.id} had ended already: it is {run.state}."))
    asked.desk.cancel(asked.principal, run.id)
    return Reply(Document(f"Run {run.id} is cancelled. What it had found so far is kept."))


COMMAND = Command(
    "cancel",
    "Stop a run.",
    cancel,
    (Argument("run", "the run's id, or its beginning", suggest=suggest_runs),),
    verbs=("cancel",),
)
