"""Connects to Slack: whatever people do is committed, then acknowledged; the answer is the engine's work."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import structlog

from bots.command import discover
from bots.inbound import Inbound
from bots.intake import Taken
from bots.slack.forms import CALLBACK, read_form, view_of
from bots.slack.manifest import COMMAND, SHORTCUT
from bots.slack.reading import read_click, read_command, read_message, read_shortcut
from tieout.errors import NotAvailable
from tieout.settings import Settings

if TYPE_CHECKING:
    from slack_bolt import App
    from slack_sdk import WebClient
    from starlette.types import ASGIApp

    from bots.slack.line import Line

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
                "HTTP, TIEOUT_SLACK_SIGNING_SECRET; `tieout credentials set` keeps them, too."
            )
        self._settings = settings
        self._take = take
        self._app: App | None = None
        self._line: Line | None = None

    def start(self) -> None:
        """Connect, and receive in threads of their own. Raises NotAvailable when Slack refuses the tokens."""
        from slack_sdk.errors import SlackApiError
        from websockets.exceptions import WebSocketException

        from bots.slack.line import Line

        try:
            self._app = build_app(self._settings, self._take)
            if self._settings.slack_app_token is not None:
                self._line = Line(self._app, self._settings.slack_app_token.get_secret_value())
                self._line.connect()
        except SlackApiError as error:
            why = error.response.get("error")
            raise NotAvailable(
                f"Slack refuses tieout's tokens ({why}): install the app again and set them anew."
            ) from error
        except (OSError, WebSocketException) as error:
            raise NotAvailable(f"Slack cannot be reached at {self._settings.slack_api_url}: {error}") from error

    def wrap(self, app: ASGIApp) -> ASGIApp:
        """Return the service's application with Slack's path in it, when events come over HTTP."""
        if self._app is None or self._settings.slack_signing_secret is None or self._line is not None:
            return app
        from bots.slack.http import SlackHttp

        return SlackHttp(self._app, app)

    def stop(self) -> None:
        """Disconnect."""
        if self._line is not None:
            self._line.close()
            self._line = None


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
    commands = discover()

    def said(event: Mapping[str, Any], body: Mapping[str, Any]) -> None:
        inbound = read_message(event, str(body["team_id"]), bot)
        if inbound is not None:
            take(inbound)

    def commanded(ack: Callable[..., Any], body: Mapping[str, Any]) -> None:
        take(read_command(body))
        ack()

    def clicked(ack: Callable[..., Any], body: Mapping[str, Any], client: WebClient) -> None:
        if body["actions"][0].get("type") != "button" or body["actions"][0].get("url"):
            ack()
            return
        inbound = read_click(body)
        form = commands.form_of(inbound.action)
        if form is None:
            take(inbound)
        ack()
        if form is not None:  # nothing is done before it is filled in
            client.views_open(trigger_id=str(body["trigger_id"]), view=view_of(form, inbound))

    def filled_in(ack: Callable[..., Any], body: Mapping[str, Any]) -> None:
        take(read_form(body))
        ack()

    def picked(ack: Callable[..., Any], body: Mapping[str, Any]) -> None:
        take(read_shortcut(body, bot))
        ack()

    app.event("app_mention")(said)
    app.event("message")(said)  # of every subtype: what is not acknowledged comes again
    app.command(COMMAND)(commanded)
    app.action(re.compile(".*"))(clicked)
    app.shortcut(SHORTCUT)(picked)
    app.view(CALLBACK)(filled_in)
