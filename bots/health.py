"""Asks the chat platforms that tokens are there for how tieout stands with them: for `tieout doctor`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from tieout.doctor import Check
from tieout.settings import Settings

TIMEOUT_S = 4.0  # of each question to a platform
_UNREACHABLE = "Check the network, a proxy (HTTPS_PROXY), and the setting TIEOUT_{platform}_API_URL."

type Json = dict[str, Any]


class Unreachable(Exception):
    """A platform did not answer, or answered nothing that can be read. The text holds no token."""


def examine_chats(settings: Settings) -> list[Check]:
    """Return findings about each platform that has a token; one that fails does not hide the others."""
    from bots.discord.health import examine_discord
    from bots.slack.health import examine_slack

    looks: list[tuple[str, Callable[[Settings], list[Check]]]] = []
    if settings.slack_bot_token or settings.slack_app_token or settings.slack_signing_secret:
        looks.append(("Slack", examine_slack))
    if settings.discord_token:
        looks.append(("Discord", examine_discord))
    if not looks:
        return [Check("chat", "ok", "no tokens: tieout answers in no chat", "docs/how-to/chat.md says how it would.")]
    with ThreadPoolExecutor(len(looks)) as pool:
        found = pool.map(lambda look: _guarded(look[0], look[1], settings), looks)
        return [check for checks in found for check in checks]


def ask(verb: str, url: str, headers: Mapping[str, str]) -> httpx.Response:
    """Return what an address answers within `TIMEOUT_S`. Raises Unreachable."""
    try:
        return httpx.request(verb, url, headers=dict(headers), timeout=TIMEOUT_S)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        # A header that cannot be sent would be told with its value, the token.
        raise Unreachable(type(error).__name__) from None


def json_of(answer: httpx.Response) -> Any:
    """Return an answer's JSON. Raises Unreachable."""
    try:
        return answer.json()
    except ValueError:
        raise Unreachable(f"HTTP {answer.status_code} without JSON") from None


def unreachable(platform: str, url: str, error: Unreachable) -> Check:
    """Return the finding that a platform cannot be reached."""
    advice = _UNREACHABLE.format(platform=platform.upper())
    return Check(platform, "failed", f"does not answer at {url} ({error})", advice)


def _guarded(platform: str, look: Callable[[Settings], list[Check]], settings: Settings) -> list[Check]:
    try:
        return look(settings)
    except Exception as error:  # what a platform answers is not ours to foresee
        detail = f"could not be examined ({type(error).__name__})"
        return [Check(platform, "failed", detail, "Try again; if it stays so, tell us what the platform answered.")]
