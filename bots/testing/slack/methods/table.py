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
SCOPES = frozenset(method.scope for method in METHODS.values() if method.scope)
