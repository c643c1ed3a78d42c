"""Asks Discord how tieout stands with it: the token, the intent, and the servers that it is in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bots.discord.invitation import REASONS, invite_url, missing
from bots.health import Unreachable, ask, json_of, unreachable
from tieout.doctor import Check
from tieout.errors import NotAvailable
from tieout.settings import Settings

INVITATION = "Discord invitation"
_INTENT = 1 << 18 | 1 << 19  # message content, for all servers or for up to a hundred
_MOST_NAMED = 20
_RESET = (
    "In the Developer Portal, under Bot, reset the token, and set TIEOUT_DISCORD_TOKEN, or `tieout credentials set "
    "discord_token`."
)
_INTENT_ADVICE = "In the Developer Portal, under Bot, switch on “Message Content Intent”, and start tieout again."


def examine_discord(settings: Settings) -> list[Check]:
    """Return findings about Discord."""
    try:
        me = _get(settings, "/users/@me")
        if me is None:
            return [Check("Discord token", "failed", "refused", _RESET)]
        name = f"{me.get('username')} ({me.get('id')})"
        if not me.get("bot"):
            return [Check("Discord token", "failed", f"is a person's ({name}), not a bot's", _RESET)]
        return [Check("Discord token", "ok", f"@{name}"), *_application(settings), *_servers(settings)]
    except Unreachable as error:
        return [unreachable("Discord", settings.discord_api_url, error)]


def invitation(settings: Settings) -> str:
    """Return the address that invites the bot. Raises NotAvailable: no token, or it is refused, or no answer."""
    if not settings.discord_token:
        raise NotAvailable(f"There is no token of Discord's bot. {_RESET}")
    try:
        application = _me(settings)
    except Unreachable as error:
        check = unreachable("Discord", settings.discord_api_url, error)
        raise NotAvailable(f"Discord {check.detail}. {check.advice}") from error
    if application is None:
        raise NotAvailable(f"Discord refuses the bot's token. {_RESET}")
    return invite_url(str(application["id"]))


def _application(settings: Settings) -> Iterator[Check]:
    try:
        found: Any = _me(settings) or {}
    except Unreachable as error:
        yield Check("Discord message content", "warning", f"not known ({error})", "Try again.")
        return
    if int(found.get("flags") or 0) & _INTENT:
        yield Check("Discord message content", "ok", "the intent is on")
    else:
        yield Check("Discord message content", "failed", "the intent is off", _INTENT_ADVICE)
    if found.get("id"):
        yield Check(INVITATION, "ok", invite_url(str(found["id"])))


def _servers(settings: Settings) -> Iterator[Check]:
    try:
        guilds: Any = _get(settings, "/users/@me/guilds?limit=200")
    except Unreachable as error:
        yield Check("Discord servers", "warning", f"not known ({error})", "Try again.")
        return
    if not guilds:
        yield Check("Discord servers", "warning", "it is in none", "Invite it: `tieout bot discord --invite`.")
        return
    named = [str(guild.get("name")) for guild in guilds[:_MOST_NAMED]]
    more = f" and {len(guilds) - _MOST_NAMED} more" if len(guilds) > _MOST_NAMED else ""
    yield Check("Discord servers", "ok", f"{', '.join(named)}{more}")
    for guild in guilds:
        lacking = missing(int(guild["permissions"])) if "permissions" in guild else []
        if lacking:
            what = "; ".join(f"{name} ({REASONS[name]})" for name in lacking)
            detail = f"in {guild.get('name')} it lacks: {what}"
            advice = "Give them to its role (Server Settings, Roles), or invite it anew: `tieout bot discord --invite`."
            yield Check("Discord permissions", "failed", detail, advice)


def _me(settings: Settings) -> Any | None:
    """Return the bot's application, None when the token is refused. Raises Unreachable."""
    try:
        return _get(settings, "/applications/@me")
    except Unreachable:
        return _get(settings, "/oauth2/applications/@me")  # the older address


def _get(settings: Settings, path: str) -> Any | None:
    """Return what the API answers, None when it refuses the token. Raises Unreachable for all else."""
    assert settings.discord_token is not None
    token = settings.discord_token.get_secret_value()
    headers = {"Authorization": f"Bot {token}", "User-Agent": "DiscordBot (tieout, 0.1)"}
    answer = ask("GET", f"{settings.discord_api_url.rstrip('/')}{path}", headers)
    if answer.status_code == 401:
        return None
    if not answer.is_success:
        raise Unreachable(f"HTTP {answer.status_code}")
    return json_of(answer)
