"""`retry`: ask again what a run was asked."""

from __future__ import annotations

from dataclasses import replace

from bots.answer import find_run
from bots.command import Argument, Asked, Command, StartRun
from bots.commands._asking import run_id_in, suggest_runs
from tieout.errors import Conflict, InvalidInput


def retry(asked: Asked) -> StartRun:
    """Start a new run of the same request, whose answer comes here; the old run stays as it is.

    Raises NotFound, Conflict (it has not ended), InvalidInput (it is one of a chat itself).
    """
    run = find_run(asked.desk, asked.principal, run_id_in(asked.text("run")))
    if run.request.agent == "chat":
        raise InvalidInput(f"Run {run.id} is a message of a chat, not a question; `runs` lists what can be run again.")
    if not run.state.final:
        raise Conflict(f"Run {run.id} is {run.state}: wait for its end, or stop it with `cancel {run.id}`.")
    request = replace(run.request, idempotency_key=None, door=asked.inbound.place.platform)
    return StartRun(request, told="Running again")


COMMAND = Command(
    "retry",
    "Run again what a run was asked.",
    retry,
    (Argument("run", "the run's id, or its beginning", suggest=suggest_runs),),
    verbs=("retry", "rerun"),
)
