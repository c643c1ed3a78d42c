"""Who reads along where something is said, and so what an answer there may use."""

from __future__ import annotations

from dataclasses import replace

from bots.inbound import Inbound
from tieout.model import Document, Principal, Run
from tieout.ports import Desk

_MOST_NAMED = 5


def person_of(inbound: Inbound) -> str:
    """Return the id that a person has in tieout: `slack:U123`. It also names the circle of that person alone."""
    return f"{inbound.place.platform}:{inbound.author}"


def audience_of(inbound: Inbound) -> str:
    """Return the circle of those who read what is said there: the person alone, or who reads the channel."""
    place = inbound.place
    return person_of(inbound) if place.direct else f"{place.platform}/{place.team}/{place.channel}"


def alone(principal: Principal) -> Principal:
    """Return the same person, answered where nobody else reads."""
    return replace(principal, audience=principal.id)


def audience_of_run(desk: Desk, principal: Principal) -> str:
    """Return who may read a run: all of the workspace, unless it is a person's own or may use what not all may read."""
    circle = principal.audience
    own = circle == principal.id
    return circle if own or any(document.audiences for document in desk.documents(principal)) else ""


def left_out(desk: Desk, principal: Principal, run: Run) -> list[Document]:
    """Return the person's own documents about the run's companies, which it did not use because others read along."""
    if principal.audience in ("", principal.id):
        return []
    own = [document for document in desk.documents(alone(principal)) if principal.id in document.audiences]
    if not own:
        return []
    scopes = [event.data for event in desk.events(principal, run.id) if event.kind == "scope_resolved"]
    companies = {str(name).casefold() for scope in scopes for name in scope.get("companies", ())}
    question = run.request.question.casefold()
    asked = companies | {ticker.casefold() for ticker in run.request.tickers}
    return [one for one in own if _is_about(one, asked, question)][:_MOST_NAMED]


def _is_about(document: Document, companies: set[str], question: str) -> bool:
    """Return whether a document is of one of the companies, or is named in the question."""
    of = {name.casefold() for name in (document.company, document.ticker) if name}
    return bool(of & companies) or document.title.casefold() in question or any(name in question for name in of)
