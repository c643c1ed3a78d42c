"""All methods of the stand by their names."""

from __future__ import annotations

from collections.abc import Mapping

from bots.testing.slack.methods import apps, chat, conversations, files, modals
from bots.testing.slack.methods.method import Method

METHODS: Mapping[str, Method] = {
    **apps.METHODS,
    **chat.METHODS,
    **conversations.METHODS,
    **files.METHODS,
    **modals.METHODS,
}
_OF_EVENTS = ("app_mentions:read", "channels:history", "groups:history", "im:history", "mpim:history")
_OTHERS = ("commands", "files:read")
SCOPES = frozenset({*_OF_EVENTS, *_OTHERS, *(method.scope for method in METHODS.values() if method.scope)})
