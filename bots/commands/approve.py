"""`approve`: decide what a run waits for, by a button or by the hash of the draft, never by reading words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bots.answer import find_run
from bots.command import Argument, Asked, Command, Reply
from bots.commands._asking import run_id_in, suggest_runs
from bots.render.document import Button, ButtonStyle, Document
from bots.render.escape import literal
from tieout.errors import Conflict, InvalidInput, NotFound
from tieout.model import OpenWait, Run, WaitKind, WaitState

_DRAFT = re.compile(r"[0-9a-f]{12,64}")
_DECISIONS = {"approve": "approved", "refuse": "refused"}
_LONGEST_VALUE = 100  # characters of a button's value
_MOST_SHOWN = 5


def approve(asked: Asked) -> Reply:
    """Decide a wait when its draft is named, as buttons do; else show what the run waits for.

    Raises NotFound, Conflict (decided before, or about another draft), PermissionDenied (not one of the approvers).
    """
    meant = asked.text("run")
    if asked.arguments.get("verb"):  # a button: RUN/NAME/DRAFT
        run_id, _, rest = meant.partition("/")
        name, _, draft = rest.rpartition("/")
    else:
        run_id = run_id_in(meant)
        name, draft = _name_and_draft(asked.arguments.get("name", ""))
    run = find_run(asked.desk, asked.principal, run_id)
    if draft:
        return _decide(asked, run, name, _DECISIONS[asked.arguments.get("verb", "approve")], draft)
    return _shown(run, _open(asked, run, name))


def _name_and_draft(text: str) -> tuple[str, str]:
    name, _, last = text.strip().rpartition(" ")
    return (name.strip(), last) if name and _DRAFT.fullmatch(last) else (text.strip(), "")


def _decide(asked: Asked, run: Run, name: str, decision: str, draft: str) -> Reply:
    if not _DRAFT.fullmatch(draft):
        raise InvalidInput("This button names no draft; `approve RUN` shows what there is to decide now.")
    try:
        ended = asked.desk.decide(asked.principal, run.id, name, decision, draft_sha256=draft)
    except Conflict:
        before = _decided_before(asked, run, name, decision, draft)
        if before is None:
            raise
        ended = before
    return Reply(Document(_told(run, ended)), settles=True)


def _decided_before(asked: Asked, run: Run, name: str, decision: str, draft: str) -> OpenWait | None:
    """Return the wait when this person has decided it so already: the same click, delivered twice."""
    for wait in asked.desk.waits(asked.principal, run_id=run.id):
        same = name in (wait.name, wait.token) and (wait.draft_sha256 or "").startswith(draft)
        if same and (wait.decision, wait.decided_by) == (decision, asked.principal.id):
            return wait
    return None


def _told(run: Run, wait: OpenWait) -> str:
    at = f"{wait.decided_at:%-d %B %Y, %H:%M} UTC" if wait.decided_at else "now"
    by = literal(wait.decided_by or "somebody")
    return f"**{literal(wait.name)}** of run {run.id} was **{wait.decision}** by {by} on {at}."


def _open(asked: Asked, run: Run, name: str) -> list[OpenWait]:
    """Return the approvals that the run waits for. Raises NotFound."""
    found = [
        wait
        for wait in asked.desk.waits(asked.principal, run_id=run.id)
        if wait.kind is WaitKind.APPROVAL and wait.state is WaitState.OPEN and wait.name.startswith(name)
    ]
    if not found:
        what = f"an approval called {name!r}" if name else "an approval"
        raise NotFound(f"Run {run.id} is {run.state} and does not wait for {what}.")
    return found[:_MOST_SHOWN]


def _shown(run: Run, waits: Sequence[OpenWait]) -> Reply:
    """Say what there is to decide, with buttons that hold the hash of what they decide."""
    lines, buttons = [f"Run {run.id} waits for a decision:", ""], []
    for wait in waits:
        who = f" Only {literal(', '.join(wait.approvers))} may decide." if wait.approvers else ""
        draft = (wait.draft_sha256 or "")[:12]
        ends = f" It expires on {wait.until:%-d %B %Y, %H:%M} UTC." if wait.until else ""
        lines.append(f"- **{literal(wait.name)}**: {literal(wait.note or 'no note')}. Draft `{draft}`.{who}{ends}")
        of = f" {wait.name[:40]}" if len(waits) > 1 else ""
        buttons += [
            Button(f"Approve{of}", _value("approve", run, wait), ButtonStyle.PRIMARY),
            Button(f"Refuse{of}", _value("refuse", run, wait), ButtonStyle.DANGER),
        ]
    return Reply(Document("\n".join(lines), tuple(buttons)))


def _value(verb: str, run: Run, wait: OpenWait) -> str:
    """Return `verb:RUN/NAME/DRAFT`, with the wait's token where its name is too long."""
    draft = (wait.draft_sha256 or "")[:12]
    value = f"{verb}:{run.id}/{wait.name}/{draft}"
    return value if len(value) <= _LONGEST_VALUE else f"{verb}:{run.id}/{wait.token}/{draft}"


COMMAND = Command(
    "approve",
    "Show what a run waits for, to approve or refuse it.",
    approve,
    (
        Argument("run", "the run's id, or its beginning", suggest=suggest_runs),
        Argument("name", "what to decide; with the draft's hash after it, it is approved", required=False, rest=True),
    ),
    verbs=tuple(_DECISIONS),
)
