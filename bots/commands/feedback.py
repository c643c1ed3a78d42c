"""`feedback`: say whether an answer was good, kept with its run."""

from __future__ import annotations

from bots.answer import find_run
from bots.command import Argument, Asked, Command, Reply
from bots.commands._asking import run_id_in, suggest_runs
from bots.form import Field, Form
from bots.render.document import Document
from tieout.errors import InvalidInput

_VERDICTS = ("good", "bad")
_LONGEST = 2_000  # characters of a reason


def feedback(asked: Asked) -> Reply:
    """Keep what a person thinks of a run as the outside event `feedback/PERSON/VERDICT`, each verdict once.

    The run's events tell who said what, in order; the last one is what the person thinks now.
    """
    run = find_run(asked.desk, asked.principal, run_id_in(asked.text("run")))
    verdict = asked.arguments.get("verdict") or asked.arguments.get("verb", "")
    if verdict not in _VERDICTS:
        raise InvalidInput("Say `good` or `bad`, as in `feedback RUN bad the year is wrong`.")
    reason = asked.arguments.get("reason", "").strip()
    if len(reason) > _LONGEST:
        raise InvalidInput(f"The reason has {len(reason)} characters; at most {_LONGEST} are kept.")
    payload = {"verdict": verdict, "reason": reason}
    first = asked.desk.signal(asked.principal, run.id, f"feedback/{asked.principal.id}/{verdict}", payload)
    said = (
        f"Noted: run {run.id} was {verdict}. Thank you."
        if first
        else f"You said before that run {run.id} was {verdict}."
    )
    return Reply(Document(said), private=True)


COMMAND = Command(
    "feedback",
    "Say whether an answer was good or bad, and why.",
    feedback,
    (
        Argument("run", "the run's id, or its beginning", suggest=suggest_runs),
        Argument("verdict", "good or bad", choices=_VERDICTS),
        Argument("reason", "what was wrong, or right", required=False, rest=True),
    ),
    verbs=_VERDICTS,
    forms={"bad": Form("What was wrong?", (Field("reason", "What was wrong?", required=False, long=True),))},
)
