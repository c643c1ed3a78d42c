"""Finds what was said while nobody listened: Discord keeps events for a broken connection, not for a dead process.

Commands and buttons cannot be made up for: who used one was told that the app did not respond.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import discord
import structlog

from bots.inbound import Inbound
from tieout import codec
from tieout.model import Principal, Role
from tieout.ports import Desk

_MARGIN = timedelta(minutes=10)  # what was said just before the last event that was taken may have been lost with it
_LONGEST = timedelta(days=1)
_RUNS, _MESSAGES = 500, 1_000  # that are looked through, of all runs and of a channel
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Absence:
    """Since when something may have been missed, and in whose direct messages."""

    since: datetime  # UTC
    direct: tuple[int, ...] = ()  # channels


def absence(desk: Desk, workspaces: Iterable[str]) -> Absence | None:
    """Return since when something may have been missed; None when nothing was ever heard, or a day ago."""
    now, heard = datetime.now(UTC), list[datetime]()
    direct: dict[int, None] = {}
    for workspace in workspaces:
        for run in desk.runs(Principal("bots", workspace, Role.ADMIN), limit=_RUNS):
            if run.request.agent != "chat" or run.request.door != "discord":
                continue
            heard.append(run.created_at)
            place = codec.load(Inbound, run.request.params["inbound"]).place
            if place.direct:
                direct[int(place.channel)] = None
    since = max(heard, default=now - 2 * _LONGEST) - _MARGIN
    return Absence(since, tuple(direct)) if since > now - _LONGEST else None


async def missed(client: discord.Client, away: Absence) -> AsyncIterator[discord.Message]:
    """Yield what was said since then, channel by channel, the oldest first; of a channel at most a thousand."""
    after = discord.Object(discord.utils.time_snowflake(away.since))
    places: list[Any] = [one for guild in client.guilds for one in (*guild.text_channels, *guild.threads)]
    places = [one for one in places if (one.last_message_id or 0) > after.id]
    places += [client.get_partial_messageable(channel) for channel in away.direct]
    for place in places:
        try:
            async for message in place.history(after=after, limit=_MESSAGES, oldest_first=True):
                yield message
        except discord.HTTPException as error:  # one that tieout may not read
            _log.info("missed_messages_not_read", channel=place.id, reason=str(error))
