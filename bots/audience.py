"""Who reads along where something is said, and so what an answer there may use."""

from __future__ import annotations

from dataclasses import replace

from bots.inbound import Place
from tieout.model import Document, Principal, Role, Run
from tieout.ports import Desk
from tieout.settings import Settings

_MOST_NAMED = 5


def principal_of(place: Place, author: str, settings: Settings) -> Principal:
    """Return who a person of a platform is in tieout, `slack:U123`, and who reads along: a channel, or nobody else."""
    person, channel = f"{place.platform}:{author}", f"{place.platform}/{place.team}/{place.channel}"
    return Principal(person, workspace_of(place, settings), Role.MEMBER, person if place.direct else channel)


def workspace_of(place: Place, settings: Settings) -> str:
    """Return the workspace that a channel works in: its own, its team's, its platform's, or the one of all others."""
    team = f"{place.platform}/{place.team}"
    named = (settings.chat_workspaces.get(name) for name in (f"{team}/{place.channel}", team, place.platform))
    return next((name for name in named if name), settings.workspace)


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
