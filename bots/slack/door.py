"""Connects to Slack: whatever people do is committed, then acknowledged; the answer is the engine's work."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import structlog

from bots.inbound import Inbound
from bots.intake import Taken
from bots.slack.reading import read_click, read_command, read_message, read_shortcut
from tieout.errors import NotAvailable
from tieout.settings import Settings

if TYPE_CHECKING:
    from slack_bolt import App
    from slack_bolt.adapter.socket_mode import SocketModeHandler
    from starlette.types import ASGIApp

COMMAND = "/tieout"
_SUBTYPES = (None, "file_share", "thread_broadcast", "message_changed", "message_deleted")
_log = structlog.get_logger(__name__)


class SlackDoor:
    """Receives over Socket Mode, or over HTTP when there is a signing secret and no app-level token.

    `take` commits an event before it is acknowledged; when it raises, Slack sends the event again.
    """

    def __init__(self, settings: Settings, take: Callable[[Inbound], Taken]) -> None:
        """Take the settings with their tokens; nothing is connected yet. Raises NotAvailable without tokens."""
        if settings.slack_bot_token is None or not (settings.slack_app_token or settings.slack_signing_secret):
            raise NotAvailable(
                "Slack needs TIEOUT_SLACK_BOT_TOKEN (xoxb-…) and TIEOUT_SLACK_APP_TOKEN (xapp-…), or, for events over "
                "HTTP, TIEOUT_SLACK_SIGNING_SECRET."
            )
        self._settings = settings
        self._take = take
        self._app: App | None = None
        self._handler: SocketModeHandler | None = None

    def start(self) -> None:
        """Connect, and receive in threads of their own. Raises NotAvailable when Slack refuses the tokens."""
        from slack_bolt.adapter.socket_mode import SocketModeHandler
        from slack_sdk.errors import SlackApiError

        try:
            self._app = build_app(self._settings, self._take)
            if self._settings.slack_app_token is not None:
                token = self._settings.slack_app_token.get_secret_value()
                self._handler = SocketModeHandler(self._app, token, web_client=self._app.client)
                self._handler.connect()  # type: ignore[no-untyped-call]
        except SlackApiError as error:
            why = error.response.get("error")
            raise NotAvailable(
                f"Slack refuses tieout's tokens ({why}): install the app again and set them anew."
            ) from error
        except OSError as error:
            raise NotAvailable(f"Slack cannot be reached at {self._settings.slack_api_url}: {error}") from error

    def wrap(self, app: ASGIApp) -> ASGIApp:
        """Return the service's application with Slack's path in it, when events come over HTTP."""
        if self._app is None or self._settings.slack_signing_secret is None or self._handler is not None:
            return app
        from bots.slack.http import SlackHttp

        return SlackHttp(self._app, app)

    def stop(self) -> None:
        """Disconnect."""
        if self._handler is not None:
            self._handler.close()  # type: ignore[no-untyped-call]
            self._handler = None


def build_app(settings: Settings, take: Callable[[Inbound], Taken]) -> App:
    """Return the Bolt application, for Socket Mode or HTTP. Raises SlackApiError when the token is refused."""
    from slack_bolt import App
    from slack_sdk import WebClient

    assert settings.slack_bot_token is not None
    client = WebClient(settings.slack_bot_token.get_secret_value(), base_url=settings.slack_api_url)
    secret = settings.slack_signing_secret.get_secret_value() if settings.slack_signing_secret else None
    bot = str(client.auth_test()["user_id"])
    # Listeners run before the acknowledgement: an event that is not committed is not acknowledged.
    app = App(client=client, signing_secret=secret, process_before_response=True, token_verification_enabled=False)
    _listen(app, bot, take)
    return app


def _listen(app: App, bot: str, take: Callable[[Inbound], Taken]) -> None:
    def said(event: Mapping[str, Any], body: Mapping[str, Any]) -> None:
        inbound = read_message(event, str(body["team_id"]), bot)
        if inbound is not None:
            take(inbound)

    def commanded(ack: Callable[..., Any], body: Mapping[str, Any]) -> None:
        take(read_command(body))
        ack()

    def clicked(ack: Callable[..., Any], body: Mapping[str, Any]) -> None:
        if body["actions"][0].get("type") == "button" and not body["actions"][0].get("url"):
            take(read_click(body))
        ack()

    def picked(ack: Callable[..., Any], body: Mapping[str, Any]) -> None:
        take(read_shortcut(body, bot))
        ack()

    app.event("app_mention")(said)
    for subtype in _SUBTYPES:
        app.event({"type": "message", "subtype": subtype})(said)
    app.command(COMMAND)(commanded)
    app.action(re.compile(".*"))(clicked)
    app.shortcut("ask_tieout")(picked)
