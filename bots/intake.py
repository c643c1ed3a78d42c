"""Takes in what people do: committed as a run under the platform's key before anything is acknowledged."""

from __future__ import annotations

from dataclasses import dataclass, replace

import structlog

from bots.audience import principal_of
from bots.inbound import Inbound, InboundKind
from tieout import codec
from tieout.errors import Conflict
from tieout.model import Principal, RunRequest
from tieout.ports import Desk
from tieout.ports.conversations import ConversationStore
from tieout.settings import Settings

_LONGEST = 4_000  # characters of a message that become the run's question; all of it is in the run's parameters
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Taken:
    """What came of an inbound event: the run that answers it, or None when it is not for tieout."""

    run_id: str | None
    principal: Principal


class Intake:
    """Turns inbound events into runs. Safe for many threads; does no work beyond the commit."""

    def __init__(self, desk: Desk, conversations: ConversationStore, settings: Settings) -> None:
        """Take the use cases, the memory of chats, and the settings that say which workspace a channel works in."""
        self._desk = desk
        self._conversations = conversations
        self._settings = settings

    def principal(self, inbound: Inbound) -> Principal:
        """Return who the person is in tieout, and who reads along."""
        return principal_of(inbound.place, inbound.author, self._settings)

    def take(self, inbound: Inbound) -> Taken:
        """Commit the event, once however often it comes. Raises StorageFull, NotAvailable, Conflict: not committed."""
        who = self.principal(inbound)
        if inbound.kind in (InboundKind.EDITED, InboundKind.DELETED):
            self._correct(who, inbound)
            return Taken(None, who)
        if inbound.kind is InboundKind.MESSAGE and not (inbound.mentioned or self._takes_part(who, inbound)):
            return Taken(None, who)
        request = RunRequest(
            (inbound.text or inbound.action or inbound.command or "hello")[:_LONGEST].strip() or "hello",
            agent="chat",
            params={"inbound": codec.dump(_same_however_it_comes(inbound))},
            idempotency_key=inbound.key,
            door=inbound.place.platform,
            priority=10,
        )
        try:
            return Taken(self._desk.start_run(who, request).id, who)
        except Conflict as error:
            if error.retryable:
                raise
            _log.info("redelivery_dropped", key=inbound.key)  # the same event with other words around it
            return Taken(None, who)

    def _takes_part(self, who: Principal, inbound: Inbound) -> bool:
        """Return whether tieout was asked something in this thread before."""
        place = inbound.place
        if not place.thread:
            return False
        found = self._conversations.find(who, place.platform, place.team, place.channel, place.thread)
        return found is not None

    def _correct(self, who: Principal, inbound: Inbound) -> None:
        place = inbound.place
        where = who, place.platform, place.team, place.channel, inbound.message
        if inbound.kind is InboundKind.EDITED:
            self._conversations.edit(*where, inbound.text, at=inbound.at)
        else:
            self._conversations.delete(*where, at=inbound.at)


def _same_however_it_comes(inbound: Inbound) -> Inbound:
    """Return the event without what differs between the two of a pair."""
    return replace(inbound, mentioned=False)
