"""Finds what was said while nobody listened: Discord keeps events for a broken connection, not for a dead process.

Commands and buttons cannot be made up for: who used one was told that the app did not respond.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import discord
import structlog

from bots.discord.reading import message_key
from bots.inbound import Inbound, InboundKind
from tieout import codec
from tieout.model import Principal, Role
from tieout.ports import Desk

_MARGIN = timedelta(minutes=2)  # messages are committed side by side, with pauses when the store is away
_LONGEST = timedelta(days=1)
_RUNS = 1_000  # that are looked through, of all runs
_MESSAGES = 10_000  # that are looked through, of a channel
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Absence:
    """Since when something may have been missed, in whose direct messages, and what of it is known to be taken."""

    since: datetime  # UTC
    direct: tuple[int, ...] = ()  # channels
    taken: frozenset[str] = frozenset()  # keys of inbound events


def absence(desk: Desk, workspaces: Iterable[str]) -> Absence | None:
    """Return since when something may have been missed; None when nothing was ever heard, or a day ago.

    Messages are taken in the order in which they were said, those that were missed before new ones: all before the last
    one that was taken were, but for a margin.
    """
    written, other = dict[str, datetime](), list[datetime]()
    direct: dict[int, None] = {}
    for workspace in workspaces:
        for run in desk.runs(Principal("bots", workspace, Role.ADMIN), limit=_RUNS):
            if run.request.agent != "chat" or run.request.door != "discord":
                continue
            inbound = codec.load(Inbound, run.request.params["inbound"])
            if inbound.kind is InboundKind.MESSAGE:
                written[inbound.key] = inbound.at
            else:
                other.append(run.created_at)
            if inbound.place.direct:
                direct[int(inbound.place.channel)] = None
    now = datetime.now(UTC)
    since = max(written.values() or other, default=now - 2 * _LONGEST) - _MARGIN
    return Absence(since, tuple(direct), frozenset(written)) if since > now - _LONGEST else None


async def missed(client: discord.Client, away: Absence) -> list[discord.Message]:
    """Return what was said since then, the oldest first, but for what was taken; of a channel at most 10,000."""
    after = discord.Object(discord.utils.time_snowflake(away.since))
    places: list[Any] = [one for guild in client.guilds for one in (*guild.text_channels, *guild.threads)]
    places = [one for one in places if (one.last_message_id or 0) > after.id]
    places += [client.get_partial_messageable(channel) for channel in away.direct]
    found: list[discord.Message] = []
    for place in places:
        try:
            said = [one async for one in place.history(after=after, limit=_MESSAGES, oldest_first=True)]
        except discord.HTTPException as error:  # one that tieout may not read
            _log.info("missed_messages_not_read", channel=place.id, reason=str(error))
            continue
        if len(said) == _MESSAGES:
            _log.warning("missed_messages_cut", channel=place.id, read=_MESSAGES)
        found += [one for one in said if not one.author.bot and message_key(one.id) not in away.taken]
    return sorted(found, key=lambda message: message.id)
