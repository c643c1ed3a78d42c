"""`share`: open a document that only some may use to all of the workspace."""

from __future__ import annotations

from bots.command import Argument, Asked, Command, Reply
from bots.render.document import Document
from bots.render.escape import literal
from tieout.model import Principal
from tieout.ports import Desk


def share(asked: Asked) -> Reply:
    """Open a document. Raises NotFound, NeedsAnswer."""
    document = asked.desk.share_document(asked.principal, asked.text("document"))
    return Reply(Document(f"**{literal(document.name)}** is open to the whole workspace now."))


def _suggest(desk: Desk, principal: Principal, typed: str) -> list[str]:
    names = [document.name for document in desk.documents(principal) if document.audiences]
    return [name for name in names if typed.casefold() in name.casefold()]


COMMAND = Command(
    "share",
    "Open a document that you or this channel alone may use to the whole workspace.",
    share,
    (Argument("document", "its name, title or id", rest=True, suggest=_suggest),),
    verbs=("share",),
)
