"""The names and tokens that the stand's app goes by."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from itertools import count
from typing import Any

type Json = dict[str, Any]


@dataclass
class Identity:
    """One app in one team. Tokens are new in every stand, and by every installation: none is reused by mistake."""

    team: str = "T0STAND0001"
    team_name: str = "Stand"
    domain: str = "stand"
    app: str = "A0STAND0001"
    bot: str = "B0STAND0001"  # `bot_id` of messages
    bot_user: str = "U0STAND0BOT"
    bot_name: str = "tieout"
    bot_token: str = field(default_factory=lambda: _bot_token())
    app_token: str = field(default_factory=lambda: f"xapp-1-{secrets.token_hex(12)}")
    verification: str = field(default_factory=lambda: secrets.token_hex(12))

    def install_again(self) -> None:
        """Get another token for the Web API."""
        self.bot_token = _bot_token()


class Ids:
    """Hands out ids in Slack's form: a letter and ten capital letters or digits."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def next(self, letter: str) -> str:
        """Return an id that nothing else has."""
        return f"{letter}0{next(self._numbers):09d}"


def _bot_token() -> str:
    return f"xoxb-{secrets.token_hex(12)}"
