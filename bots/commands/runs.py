"""`runs`: what was asked in this workspace, newest first."""

from __future__ import annotations

from bots.command import Asked, Command, Reply
from bots.render.document import Document
from bots.render.escape import cell
from tieout.model import Role

_SHOWN = 10


def runs(asked: Asked) -> Reply:
    """List the newest runs, those of chats themselves left out."""
    found = [run for run in asked.desk.runs(asked.principal, limit=50) if run.request.agent != "chat"][:_SHOWN]
    if not found:
        return Reply(Document("No runs yet. Ask me something."))
    rows = [f"| {run.id} | {run.state} | {run.request.agent} | {cell(run.request.question[:80])} |" for run in found]
    return Reply(Document("\n".join(["| Run | State | Agent | Question |", "|---|---|---|---|", *rows])))


COMMAND = Command("runs", "List the newest runs.", runs, role=Role.VIEWER)
