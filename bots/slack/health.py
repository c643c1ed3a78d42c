"""Asks Slack how tieout stands with it: the bot's token and its scopes, and the way in which events come."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bots.health import Json, Unreachable, ask, json_of, unreachable
from bots.slack.manifest import APP_SCOPE, PATH, SCOPES
from tieout.doctor import Check
from tieout.settings import Settings

_INSTALL = "install the app again (OAuth & Permissions) and set TIEOUT_SLACK_BOT_TOKEN, or `tieout credentials set "
_BOT_ADVICE = f"In api.slack.com/apps {_INSTALL}slack_bot_token`: it begins with xoxb-."
_APP_ADVICE = (
    f"In api.slack.com/apps, Basic Information, make an app-level token with {APP_SCOPE}, switch Socket Mode on, and "
    "set TIEOUT_SLACK_APP_TOKEN, or `tieout credentials set slack_app_token`: it begins with xapp-."
)
_SCOPE_ADVICE = (
    "Give the app the manifest of `tieout bot slack --manifest` (api.slack.com/apps, App Manifest), then install it "
    "again."
)
_WHY = {
    "invalid_auth": "no such token",
    "not_authed": "no token",
    "token_revoked": "the token was revoked",
    "token_expired": "the token has expired",
    "account_inactive": "the app was removed from the team",
    "not_allowed_token_type": "the token is of another kind",
    "missing_scope": f"the token lacks {APP_SCOPE}",
    "ratelimited": "too many calls just now",
}


def examine_slack(settings: Settings) -> list[Check]:
    """Return findings about Slack. A part of the tokens without the others is one, too."""
    return [*_bot(settings), *_events(settings)]


def _bot(settings: Settings) -> Iterator[Check]:
    if not settings.slack_bot_token:
        yield Check("Slack token", "failed", "there is none with which tieout could speak", _BOT_ADVICE)
        return
    try:
        said, scopes = _call(settings, "auth.test", settings.slack_bot_token.get_secret_value())
    except Unreachable as error:
        yield unreachable("Slack", settings.slack_api_url, error)
        return
    if not said.get("ok"):
        yield Check("Slack token", "failed", f"refused: {_why(said)}", _BOT_ADVICE)
        return
    if not said.get("bot_id"):
        yield Check("Slack token", "failed", f"is a person's ({said.get('user')}), not a bot's", _BOT_ADVICE)
        return
    team = f"team {said.get('team')} ({said.get('team_id')})"
    yield Check("Slack token", "ok", f"@{said.get('user')} ({said.get('user_id')}) in {team}")
    yield _scopes(scopes)


def _scopes(granted: set[str]) -> Check:
    if not granted:
        return Check("Slack scopes", "warning", "Slack did not tell which the token has", _SCOPE_ADVICE)
    lacking = [f"{scope} ({why})" for scope, why in SCOPES.items() if scope not in granted]
    if lacking:
        return Check("Slack scopes", "failed", f"missing: {'; '.join(lacking)}", _SCOPE_ADVICE)
    more = sorted(granted - set(SCOPES))
    beyond = f"; not needed: {', '.join(more)}" if more else ""
    return Check("Slack scopes", "ok", f"all {len(SCOPES)} are there{beyond}")


def _events(settings: Settings) -> Iterator[Check]:
    if settings.slack_app_token:
        yield _socket_mode(settings, settings.slack_app_token.get_secret_value())
    elif settings.slack_signing_secret:
        detail = f"taken at {PATH} of `tieout up`, when signed with the signing secret"
        advice = (
            "Slack needs a public https:// address that leads there; whether it does, the app's page tells (Event "
            "Subscriptions, Request URL: Verified)."
        )
        yield Check("Slack events", "ok", detail, advice)
    else:
        yield Check("Slack events", "failed", "there is no way in which they could come", _APP_ADVICE)


def _socket_mode(settings: Settings, token: str) -> Check:
    """Ask for a socket's address; the socket is not opened, so that nobody's events come here."""
    try:
        said, _ = _call(settings, "apps.connections.open", token)
    except Unreachable as error:
        return unreachable("Slack", settings.slack_api_url, error)
    if said.get("ok"):
        return Check("Slack events", "ok", "Socket Mode can be opened")
    if said.get("error") == "ratelimited":
        return Check("Slack events", "warning", f"not known: {_why(said)}", "Try again in a minute.")
    return Check("Slack events", "failed", f"Socket Mode is refused: {_why(said)}", _APP_ADVICE)


def _call(settings: Settings, method: str, token: str) -> tuple[Json, set[str]]:
    """Return what a method answers, and the scopes of the token. Raises Unreachable."""
    url = f"{settings.slack_api_url.rstrip('/')}/{method}"
    answer = ask("POST", url, {"Authorization": f"Bearer {token}"})
    said: Any = json_of(answer)
    if not isinstance(said, dict):
        raise Unreachable(f"HTTP {answer.status_code} without an object")
    listed = answer.headers.get("x-oauth-scopes", "")
    return said, {scope.strip() for scope in listed.split(",") if scope.strip()}


def _why(said: Json) -> str:
    error = str(said.get("error") or "without a reason")
    return f"{_WHY[error]} ({error})" if error in _WHY else error
