"""Says what to do when Discord does not let the bot in."""

from __future__ import annotations

from tieout.errors import NotAvailable

_BAD_TOKEN = 4004
_REFUSED = (
    "Discord refuses the bot's token: in the Developer Portal, under Bot, reset it, and set TIEOUT_DISCORD_TOKEN to "
    "the new one, or `tieout credentials set discord_token`."
)
_INTENT = (
    "Discord refuses the intents: in the Developer Portal, under Bot, switch on “Message Content Intent”, without "
    "which tieout cannot read what is said in its threads."
)


def refusal(error: Exception, url: str) -> Exception:
    """Return a NotAvailable that says what to do, or the error itself when nobody can but who maintains this."""
    import aiohttp
    import discord

    if isinstance(error, NotAvailable):
        return error
    if isinstance(error, discord.LoginFailure) or getattr(error, "code", None) == _BAD_TOKEN:
        return _because(error, _REFUSED)
    if isinstance(error, discord.PrivilegedIntentsRequired):
        return _because(error, _INTENT)
    if isinstance(error, discord.ConnectionClosed | discord.HTTPException):
        return _because(error, f"Discord ended the connection: {error}")
    if isinstance(error, OSError | aiohttp.ClientError | discord.GatewayNotFound):
        return _because(error, f"Discord cannot be reached at {url}: {error}")
    return error


def _because(error: Exception, message: str) -> NotAvailable:
    refused = NotAvailable(message)
    refused.__cause__ = error
    return refused
