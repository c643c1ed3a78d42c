"""Receives from Discord's gateway: whatever people do is committed, then acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import discord
import structlog
from discord.app_commands import Choice

from bots.command import Commands
from bots.discord.catch_up import Absence, missed
from bots.discord.forms import modal_of
from bots.discord.reading import (
    called,
    place_of,
    read_click,
    read_command,
    read_deletion,
    read_edit,
    read_form,
    read_message,
    read_pick,
)
from bots.discord.suggestions import Suggestions
from bots.discord.tree import sync, tree
from bots.inbound import Inbound
from bots.intake import Taken

_PRIVATE = frozenset({"help", "settings", "feedback"})  # commands whose answers only the person who calls sees
_PAUSES_S = (0.5, 2.0, 5.0, 15.0)  # between tries to commit a message: Discord does not send it again
_GUILDS_S = 0.5  # without news of another server, then all are known
_BUTTON = discord.ComponentType.button.value
_OF_MESSAGES = discord.AppCommandType.message.value
_log = structlog.get_logger(__name__)


class Receiver(discord.Client):
    """One connection. `take` commits an event; it is called in threads, and may be called again with the same key."""

    def __init__(
        self,
        take: Callable[[Inbound], Taken],
        commands: Commands,
        suggestions: Suggestions,
        *,
        ready: Callable[[], None],
        away: Callable[[], Absence | None] = lambda: None,
        pauses_s: Sequence[float] = _PAUSES_S,
    ) -> None:
        """Take what commits, what there is to call, what is told when the gateway is ready, and what tells since when
        something may have been missed.
        """
        intents = discord.Intents(guilds=True, guild_messages=True, dm_messages=True, message_content=True)
        super().__init__(
            intents=intents,
            allowed_mentions=discord.AllowedMentions.none(),
            chunk_guilds_at_startup=False,
            guild_ready_timeout=_GUILDS_S,
        )
        self._take = take
        self._commands = commands
        self._suggestions = suggestions
        self._tell_ready = ready
        self._away = away
        self._behind = False
        self._caught_up = asyncio.Event()
        self._catching_up: asyncio.Task[None] | None = None
        self._pauses_s = pauses_s

    async def setup_hook(self) -> None:
        """Tell Discord the commands when they have changed."""
        try:
            await sync(self, tree(self._commands))
        except discord.HTTPException as error:
            _log.warning("commands_not_synced", reason=str(error))

    async def on_ready(self) -> None:
        """Tell that events come, and take what was said before: this is a new session, which gets none of it."""
        self._tell_ready()
        self._behind = True
        self._caught_up.clear()
        if self._catching_up is None or self._catching_up.done():
            self._catching_up = asyncio.create_task(self._catch_up())

    async def _catch_up(self) -> None:
        """Take what was missed, in its order; what is said meanwhile comes after it."""
        try:
            while self._behind:
                self._behind = False  # until the next session begins, perhaps before this is done
                away = await asyncio.to_thread(self._away)
                for message in await missed(self, away) if away is not None else ():
                    await self._take_message(message)
        except Exception:
            _log.exception("not_caught_up", platform="discord")
        finally:
            self._caught_up.set()

    async def on_message(self, message: discord.Message) -> None:
        """Take what was said."""
        await self._caught_up.wait()
        if not message.author.bot:
            await self._take_message(message)

    async def _take_message(self, message: discord.Message) -> None:
        inbound = read_message(message, self._me, await self._parent(message.guild, message.channel.id))
        if inbound is not None:
            await self._taken(inbound, self._pauses_s)

    async def on_raw_message_edit(self, event: discord.RawMessageUpdateEvent) -> None:
        """Take what was changed."""
        if event.message.author.bot:
            return
        inbound = read_edit(event, self._me, await self._parent(event.guild_id, event.channel_id))
        if inbound is not None:
            await self._taken(inbound, self._pauses_s)

    async def on_raw_message_delete(self, event: discord.RawMessageDeleteEvent) -> None:
        """Take what was removed."""
        await self._removed(event, {event.message_id: event.cached_message})

    async def on_raw_bulk_message_delete(self, event: discord.RawBulkMessageDeleteEvent) -> None:
        """Take what was removed all at once."""
        cached = {message.id: message for message in event.cached_messages}
        await self._removed(event, {message: cached.get(message) for message in event.message_ids})

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """Take a call, a click or a pick, and acknowledge it; or suggest what an argument may be."""
        kind, data = interaction.type, _data(interaction)
        if kind is discord.InteractionType.autocomplete:
            await self._suggest(interaction, data)
        elif kind is discord.InteractionType.application_command:
            await (self._picked if data.get("type") == _OF_MESSAGES else self._called)(interaction)
        elif kind is discord.InteractionType.component and data.get("component_type") == _BUTTON:
            await self._clicked(interaction)
        elif kind is discord.InteractionType.modal_submit:
            await self._filled_in(interaction)

    async def on_error(self, event_method: str, /, *_args: Any, **_kwargs: Any) -> None:
        """Log what nobody caught; the connection goes on."""
        _log.exception("event_failed", event_method=event_method)

    @property
    def _me(self) -> int:
        return self.user.id if self.user is not None else 0

    async def _called(self, interaction: discord.Interaction) -> None:
        inbound = read_command(interaction, await self._parent_of(interaction))
        if await self._taken(inbound):
            private = inbound.command in _PRIVATE
            await _acknowledged(interaction.response.defer(ephemeral=private, thinking=True), inbound)

    async def _clicked(self, interaction: discord.Interaction) -> None:
        inbound = read_click(interaction, await self._parent_of(interaction))
        form = self._commands.form_of(inbound.action)
        if form is not None:  # nothing is done before it is filled in
            await _acknowledged(interaction.response.send_modal(modal_of(form, inbound.action)), inbound)
        elif await self._taken(inbound):
            await _acknowledged(interaction.response.defer(), inbound)

    async def _filled_in(self, interaction: discord.Interaction) -> None:
        inbound = read_form(interaction, await self._parent_of(interaction))
        if await self._taken(inbound):
            await _acknowledged(interaction.response.defer(), inbound)

    async def _picked(self, interaction: discord.Interaction) -> None:
        """Take a message that is to be answered; the answer is at the message, so here it is only said where."""
        inbound = read_pick(interaction, self._me, await self._parent_of(interaction))
        if await self._taken(inbound):
            said = "I answer below." if inbound.place.direct else "I answer in the thread of that message."
            await _acknowledged(interaction.response.send_message(said, ephemeral=True), inbound)

    async def _suggest(self, interaction: discord.Interaction, data: Any) -> None:
        command, options = called(data)
        option = next((one for one in options if one.get("focused")), None)
        found = list[str]()
        if option is not None:
            typed = str(option.get("value") or "")
            place = place_of(interaction.guild_id, interaction.channel_id, await self._parent_of(interaction))
            found = await self._suggestions.of(command, str(option["name"]), typed, place, str(interaction.user.id))
        try:
            await interaction.response.autocomplete([Choice(name=one, value=one) for one in found])
        except discord.HTTPException as error:  # it came too late; the person has gone on typing
            _log.info("suggestion_not_shown", command=command, reason=str(error))

    async def _removed(
        self,
        event: discord.RawMessageDeleteEvent | discord.RawBulkMessageDeleteEvent,
        messages: dict[int, discord.Message | None],
    ) -> None:
        parent = await self._parent(event.guild_id, event.channel_id)
        for message, cached in messages.items():
            inbound = read_deletion(message, event.guild_id, event.channel_id, parent, cached)
            await self._taken(inbound, self._pauses_s)

    async def _taken(self, inbound: Inbound, pauses_s: Sequence[float] = ()) -> bool:
        """Commit the event, trying again after each of the pauses; return whether it was."""
        for pause_s in (*pauses_s, None):
            try:
                await asyncio.to_thread(self._take, inbound)
                return True
            except Exception as error:
                _log.warning("not_taken", key=inbound.key, reason=str(error), given_up=pause_s is None)
            if pause_s is not None:
                await asyncio.sleep(pause_s)
        return False

    async def _parent_of(self, interaction: discord.Interaction) -> int | None:
        if isinstance(interaction.channel, discord.Thread):
            return interaction.channel.parent_id
        known = interaction.channel is not None or interaction.channel_id is None
        return None if known else await self._parent(interaction.guild_id, interaction.channel_id or 0)

    async def _parent(self, guild: object, channel: int) -> int | None:
        """Return the channel that a thread is in; None for what is no thread."""
        if not guild:
            return None
        try:
            found = self.get_channel(channel) or await self.fetch_channel(channel)
        except discord.DiscordException as error:
            _log.warning("channel_not_known", channel=channel, reason=str(error))
            return None
        return found.parent_id if isinstance(found, discord.Thread) else None


async def _acknowledged(response: Any, inbound: Inbound) -> None:
    """Wait for the acknowledgement; too late or a second time, the run answers all the same."""
    try:
        await response
    except (discord.HTTPException, discord.InteractionResponded) as error:
        _log.warning("not_acknowledged", key=inbound.key, reason=str(error))


def _data(interaction: discord.Interaction) -> dict[str, Any]:
    data: Any = interaction.data
    return data or {}
