"""Remembers chats in SQL: each method of the ConversationStore port is one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from datetime import datetime, timedelta
from typing import Any, get_args, get_type_hints

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, func, or_, select, update

from store.database import Database
from store.records import upsert
from store.rules import check_name
from store.tables_conversations import channel_settings, conversations, deleted_messages, messages
from tieout.errors import InvalidInput, NotFound
from tieout.model import ChannelSettings, Conversation, Message, Principal, Speaker, new_id
from tieout.ports.conversations import LONGEST_MESSAGE

_LONGEST_ID = 128
_MAY_BE_EMPTY = ("team", "thread")
_MOST_NAMED = 1_000  # agents, people or tickers of a channel
_DELETIONS_KEPT = timedelta(days=30)  # no platform delivers again for so long, and no run begins so late
_KEY = ("workspace", "platform", "team", "channel")
_WHOLE = tuple(messages.c[field.name] for field in fields(Message))
_LISTS = ("agents", "askers", "off", "tickers")
_CHOICES = {
    name: get_args(kind)
    for name, kind in get_type_hints(ChannelSettings).items()
    if name in ("may_ask", "reply", "verbosity")
}


class SqlConversationStore:
    """Conversations in SQLite or PostgreSQL. Safe for many threads and processes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def join(
        self,
        principal: Principal,
        platform: str,
        team: str,
        channel: str,
        thread: str,
        *,
        private: bool,
        now: datetime,
    ) -> Conversation:
        """Return the conversation of a place, a new one when there was none. One that was ever private stays so."""
        place = _place(principal, platform=platform, team=team, channel=channel, thread=thread)

        def work(connection: Connection) -> Conversation:
            new = upsert(connection)(conversations).values(id=new_id("conv"), created_at=now, private=private, **place)
            # An update that may change nothing, as it returns the row that another thread has just made.
            kept = or_(conversations.c.private, new.excluded.private)
            found = new.on_conflict_do_update(index_elements=list(place), set_={"private": kept})
            return Conversation(**connection.execute(found.returning(conversations)).one()._mapping)

        return self._database.write(work)

    def find(self, principal: Principal, platform: str, team: str, channel: str, thread: str) -> Conversation | None:
        """Return the conversation of a place, None when tieout takes no part in it."""
        place = _place(principal, platform=platform, team=team, channel=channel, thread=thread)
        query = select(conversations).where(*_is(conversations, place))
        row = self._database.read(lambda connection: connection.execute(query).one_or_none())
        return None if row is None else Conversation(**row._mapping)

    def remember(
        self,
        principal: Principal,
        conversation_id: str,
        message_id: str,
        author: str,
        role: Speaker,
        text: str,
        *,
        run_id: str | None = None,
        at: datetime,
    ) -> Message:
        """Keep what was said, once: a message that is there already stays as it is and is returned.

        One that was deleted before is kept without its text. Raises NotFound for a conversation that is not there,
        InvalidInput for a text longer than `LONGEST_MESSAGE`.
        """
        _check_ids(conversation=conversation_id, message=message_id, author=author)
        if role not in get_args(Speaker.__value__):
            raise InvalidInput(f"a message is by a person or by tieout, not by {role!r:.80}")
        said = {"author": author, "role": role, "text": _kept_text(text), "at": at, "run_id": run_id}

        def work(connection: Connection) -> Message:
            key = _placed(connection, principal, conversation_id) | {"message_id": message_id}
            _take_turns(connection, key)
            query = select(deleted_messages.c.deleted_at).where(*_is(deleted_messages, key))
            deleted_at = connection.execute(query).scalar_one_or_none()
            values = said if deleted_at is None else {**said, "text": "", "deleted_at": deleted_at}
            ours = {"workspace": principal.workspace, "conversation_id": conversation_id, "message_id": message_id}
            new = upsert(connection)(messages).values(id=new_id("msg"), **ours, **values)
            connection.execute(new.on_conflict_do_nothing(index_elements=["conversation_id", "message_id"]))
            return _message(connection.execute(select(*_WHOLE).where(*_is(messages, ours))).one())

        return self._database.write(work)

    def edit(
        self,
        principal: Principal,
        platform: str,
        team: str,
        channel: str,
        message_id: str,
        text: str,
        *,
        at: datetime,
    ) -> Message | None:
        """Change a message's text and return it as it now stands; None when it is not remembered.

        Nothing changes when it is deleted or when a later edit came first. Raises InvalidInput as `remember` does.
        """
        key = _place(principal, platform=platform, team=team, channel=channel, message_id=message_id)
        change = {"text": _kept_text(text), "edited_at": at}
        newest = or_(messages.c.edited_at.is_(None), messages.c.edited_at <= at)
        where = and_(messages.c.deleted_at.is_(None), newest)
        return self._database.write(lambda connection: _changed(connection, key, where, change))

    def delete(
        self, principal: Principal, platform: str, team: str, channel: str, message_id: str, *, at: datetime
    ) -> Message | None:
        """Empty a message for good and return it; None when it is not remembered.

        Whoever remembers it later (a redelivery, a run that began late) does not bring the text back.
        """
        key = _place(principal, platform=platform, team=team, channel=channel, message_id=message_id)
        old = and_(
            deleted_messages.c.workspace == principal.workspace, deleted_messages.c.deleted_at < at - _DELETIONS_KEPT
        )

        def work(connection: Connection) -> Message | None:
            _take_turns(connection, key)
            connection.execute(delete(deleted_messages).where(old))
            new = upsert(connection)(deleted_messages).values(deleted_at=at, **key)
            connection.execute(new.on_conflict_do_nothing())
            return _changed(connection, key, messages.c.deleted_at.is_(None), {"text": "", "deleted_at": at})

        return self._database.write(work)

    def history(self, principal: Principal, conversation_id: str, *, limit: int = 50) -> list[Message]:
        """Return the newest messages of a conversation, the oldest of them first, without deleted ones."""
        _check_ids(conversation=conversation_id)
        query = (
            select(*_WHOLE)
            .where(
                messages.c.workspace == principal.workspace,
                messages.c.conversation_id == conversation_id,
                messages.c.deleted_at.is_(None),
            )
            .order_by(messages.c.at.desc(), messages.c.id.desc())
            .limit(max(limit, 0))
        )
        rows = self._database.read(lambda connection: connection.execute(query).all())
        return [_message(row) for row in reversed(rows)]

    def settings(self, principal: Principal, platform: str, team: str, channel: str) -> ChannelSettings:
        """Return how tieout behaves in a channel: the defaults where nobody has changed them."""
        key = _place(principal, platform=platform, team=team, channel=channel)
        columns = [column for column in channel_settings.c if column.name != "workspace"]
        query = select(*columns).where(*_is(channel_settings, key))
        row = self._database.read(lambda connection: connection.execute(query).one_or_none())
        if row is None:
            return ChannelSettings(platform, team, channel)
        return ChannelSettings(**{**row._mapping, **{name: tuple(row._mapping[name]) for name in _LISTS}})

    def save_settings(self, principal: Principal, settings: ChannelSettings, *, now: datetime) -> ChannelSettings:
        """Replace a channel's settings and return them with who changed them and when. Raises InvalidInput."""
        _check_settings(settings)
        saved = replace(settings, updated_by=principal.id, updated_at=now)
        values = {"workspace": principal.workspace, **asdict(saved)}

        def work(connection: Connection) -> None:
            new = upsert(connection)(channel_settings).values(**values)
            again = {name: new.excluded[name] for name in values if name not in _KEY}
            connection.execute(new.on_conflict_do_update(index_elements=list(_KEY), set_=again))

        self._database.write(work)
        return saved

    def forget(self, principal: Principal, conversation_id: str) -> bool:
        """Remove a conversation with its messages; return whether there was one. What was deleted stays deleted."""
        _check_ids(conversation=conversation_id)
        gone = delete(conversations).where(
            conversations.c.workspace == principal.workspace, conversations.c.id == conversation_id
        )
        return self._database.write(lambda connection: connection.execute(gone).rowcount) > 0


# ---------------------------------------------------------------- inside a transaction


def _placed(connection: Connection, principal: Principal, conversation_id: str) -> dict[str, str]:
    """Return where a conversation is, and keep it there for the length of the transaction. Raises NotFound."""
    query = select(*(conversations.c[name] for name in _KEY)).where(
        conversations.c.workspace == principal.workspace, conversations.c.id == conversation_id
    )
    row = connection.execute(query.with_for_update(read=True, key_share=True)).one_or_none()
    if row is None:
        place = f"workspace {principal.workspace!r}"
        raise NotFound(f"there is no conversation {conversation_id!r} in {place} (any more): join it again")
    return dict(row._mapping)


def _take_turns(connection: Connection, key: Mapping[str, str]) -> None:
    """Let a message's deletion and its late delivery see each other; SQLite's writes come one by one anyway."""
    if connection.dialect.name == "postgresql":
        name = "\x1f".join(key[part] for part in (*_KEY, "message_id"))
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))


def _changed(
    connection: Connection, key: Mapping[str, str], where: ColumnElement[bool], change: Mapping[str, Any]
) -> Message | None:
    """Change the message of a channel, in whichever of its conversations it is, and return it."""
    place = {name: key[name] for name in _KEY}
    of_channel = select(conversations.c.id).where(*_is(conversations, place))
    it = and_(
        messages.c.workspace == key["workspace"],
        messages.c.message_id == key["message_id"],
        messages.c.conversation_id.in_(of_channel),
    )
    connection.execute(update(messages).where(it, where).values(**change))
    row = connection.execute(select(*_WHOLE).where(it).order_by(messages.c.id).limit(1)).one_or_none()
    return None if row is None else _message(row)


def _is(table: Any, key: Mapping[str, str]) -> list[ColumnElement[bool]]:
    return [table.c[name] == value for name, value in key.items()]


def _message(row: Row[Any]) -> Message:
    return Message(**row._mapping)


# ---------------------------------------------------------------- what may be kept


def _place(principal: Principal, **ids: str) -> dict[str, str]:
    """Return the columns that name a place. Raises InvalidInput."""
    _check_ids(**ids)
    return {"workspace": principal.workspace, **ids}


def _check_ids(**ids: str) -> None:
    for name, value in ids.items():
        if value or name not in _MAY_BE_EMPTY:
            check_name(value, f"the id of a chat's {name.removesuffix('_id')}", _LONGEST_ID)


def _kept_text(text: str) -> str:
    """Return text in characters that every database keeps. Raises InvalidInput when it is too long."""
    if len(text) > LONGEST_MESSAGE:
        raise InvalidInput(
            f"a message has {len(text):,} characters, and at most {LONGEST_MESSAGE:,} are remembered: "
            "send a longer text as a file"
        )
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


def _check_settings(settings: ChannelSettings) -> None:
    _check_ids(platform=settings.platform, team=settings.team, channel=settings.channel)
    for name, choices in _CHOICES.items():
        value = getattr(settings, name)
        if value not in choices:
            raise InvalidInput(f"a channel's {name} is one of {', '.join(choices)}, not {value!r:.80}")
    for name in _LISTS:
        values = getattr(settings, name)
        if len(values) > _MOST_NAMED:
            raise InvalidInput(f"a channel's {name} are {len(values)}; at most {_MOST_NAMED:,} are kept")
        for value in values:
            check_name(value, f"each of a channel's {name}", _LONGEST_ID)
