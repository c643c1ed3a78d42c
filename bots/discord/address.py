"""Points discord.py at an API: it knows one address, for the whole process."""

from __future__ import annotations

import httpx
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from tieout.errors import NotAvailable

DISCORD = "https://discord.com/api/v10"
_GATEWAY = DiscordWebSocket.DEFAULT_GATEWAY


def point_at(api_url: str) -> None:
    """Use the API at the address, and the gateway that it names. Raises NotAvailable when it does not answer."""
    url = api_url.rstrip("/")
    DiscordWebSocket.DEFAULT_GATEWAY = _GATEWAY if url == DISCORD else _gateway_of(url)
    Route.BASE = url


def _gateway_of(url: str) -> yarl.URL:
    try:
        return yarl.URL(httpx.get(f"{url}/gateway", timeout=10.0).raise_for_status().json()["url"])
    except (httpx.HTTPError, ValueError, LookupError) as error:
        raise NotAvailable(f"TIEOUT_DISCORD_API_URL ({url}) is no Discord API: {type(error).__name__}.") from error
