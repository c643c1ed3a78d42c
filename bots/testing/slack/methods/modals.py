"""Methods for modals."""

from __future__ import annotations

from bots.testing.slack.arguments import Arguments
from bots.testing.slack.errors import Refusal
from bots.testing.slack.identity import Json
from bots.testing.slack.methods.method import Context, Method


def open_view(context: Context, arguments: Arguments) -> Json:
    """Open a modal for the person of the trigger."""
    view = context.views.open(arguments.required("trigger_id"), _content(arguments))
    return {"view": context.views.show(view)}


def update_view(context: Context, arguments: Arguments) -> Json:
    """Show something else in a modal."""
    id, external_id, hash = (arguments.text(name) for name in ("view_id", "external_id", "hash"))
    view = context.views.update(id, external_id, _content(arguments), hash)
    return {"view": context.views.show(view)}


def _content(arguments: Arguments) -> Json:
    content = arguments.mapping("view", "invalid_arguments")
    if content is None:
        raise Refusal("invalid_arguments", response_metadata={"messages": ["[ERROR] missing required field: view"]})
    return content


METHODS = {"views.open": Method(open_view), "views.update": Method(update_view)}
