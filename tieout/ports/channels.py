"""Where messages leave the system: a chat, a webhook, a publisher. Each can say whether a message arrived."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class Channel(Protocol):
    """Sends messages under a key, and finds them again by it. Both are called with no transaction open."""

    @property
    def name(self) -> str:
        """The channel's name in plans, logs and effects."""
        ...

    def send(self, key: str, message: Mapping[str, Any]) -> Mapping[str, Any]:
        """Send the message once and return its receipt (JSON values).

        Raises ProviderRefused and RateLimited when it certainly was not sent. After any other error nobody knows.
        A message marked `optional` is left out rather than to take a place from others: RateLimited.
        """
        ...

    def look_up(self, key: str, message: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return the receipt of what was sent under `key`, None when certainly nothing was.

        Raises OutcomeUnknown when the channel cannot tell, ProviderUnavailable when it does not answer now.
        """
        ...


class Chat(Channel, Protocol):
    """A platform on which people write to each other and post files."""

    def open_to_all(self, channel: str) -> bool:
        """Return whether everybody of the team may read a channel, and nobody else.

        Raises ProviderUnavailable, ProviderRefused: nobody knows.
        """
        ...

    def fetch(self, url: str, *, most: int) -> bytes:
        """Return a posted file's bytes, at most `most`.

        Raises InvalidInput (another address than the platform's, or larger), ProviderUnavailable, ProviderRefused.
        """
        ...
