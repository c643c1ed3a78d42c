"""What tieout remembers of chats by itself, so that a follow-up is resolved without asking the platform."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from tieout.model import ChannelSettings, Conversation, Message, Principal, Speaker

LONGEST_MESSAGE = 40_000  # characters


class ConversationStore(Protocol):
    """Conversations, their messages and the settings of channels. All ids but `conversation_id` are the platform's.

    Every method raises InvalidInput for an id that is no 1 to 128 printable characters; `team` and `thread` may be
    empty. Characters that not every database keeps (NUL, lone surrogates) are replaced in texts.
    """

    def join(
        self,
        principal: Principal,
        platform: str,
        team: str,
        channel: str,
        thread: str,
        *,
        private: bool,
        now: datetime,
    ) -> Conversation:
        """Return the conversation of a place, a new one when there was none. One that was ever private stays so."""
        ...

    def find(self, principal: Principal, platform: str, team: str, channel: str, thread: str) -> Conversation | None:
        """Return the conversation of a place, None when tieout takes no part in it."""
        ...

    def remember(
        self,
        principal: Principal,
        conversation_id: str,
        message_id: str,
        author: str,
        role: Speaker,
        text: str,
        *,
        run_id: str | None = None,
        at: datetime,
    ) -> Message:
        """Keep what was said, once: a message that is there already stays as it is and is returned.

        One that was deleted before is kept without its text. Raises NotFound for a conversation that is not there,
        InvalidInput for a text longer than `LONGEST_MESSAGE`.
        """
        ...

    def edit(
        self,
        principal: Principal,
        platform: str,
        team: str,
        channel: str,
        message_id: str,
        text: str,
        *,
        at: datetime,
    ) -> Message | None:
        """Change a message's text and return it as it now stands; None when it is not remembered.

        Nothing changes when it is deleted or when a later edit came first. Raises InvalidInput as `remember` does.
        """
        ...

    def delete(
        self, principal: Principal, platform: str, team: str, channel: str, message_id: str, *, at: datetime
    ) -> Message | None:
        """Empty a message for good and return it; None when it is not remembered.

        Whoever remembers it later (a redelivery, a run that began late) does not bring the text back.
        """
        ...

    def history(self, principal: Principal, conversation_id: str, *, limit: int = 50) -> list[Message]:
        """Return the newest messages of a conversation, the oldest of them first, without deleted ones."""
        ...

    def settings(self, principal: Principal, platform: str, team: str, channel: str) -> ChannelSettings:
        """Return how tieout behaves in a channel: the defaults where nobody has changed them."""
        ...

    def save_settings(self, principal: Principal, settings: ChannelSettings, *, now: datetime) -> ChannelSettings:
        """Replace a channel's settings and return them with who changed them and when. Raises InvalidInput."""
        ...

    def forget(self, principal: Principal, conversation_id: str) -> bool:
        """Remove a conversation with its messages; return whether there was one. What was deleted stays deleted."""
        ...
