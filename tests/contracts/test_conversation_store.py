"""One suite for every ConversationStore: SQLite in memory and in a file, PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store.all_tables import all_tables
from store.backup.restore import restore
from store.backup.take import StoreBackups
from store.conversations import SqlConversationStore
from store.database import Database, open_database, open_in_memory
from store.tables_conversations import metadata
from tieout.errors import InvalidInput, NotFound
from tieout.model import ChannelSettings, Conversation, Message, Principal
from tieout.ports import LONGEST_MESSAGE, ConversationStore

NOW = datetime(2026, 3, 1, 9, 30, 0, 123456, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
SECOND = timedelta(seconds=1)
ANN = Principal("slack:U1", "desk")
EVE = Principal("slack:U1", "elsewhere")
CHANNEL = ("slack", "T1", "C1")
THREAD = (*CHANNEL, "1700000000.000100")


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "memory":
        database = open_in_memory()
    elif request.param == "sqlite":
        database = open_database(f"sqlite:///{tmp_path / 'tieout.db'}")
    else:
        database = open_database(request.getfixturevalue("postgres_url"))
    yield database
    database.close()


@pytest.fixture
def store(database: Database) -> ConversationStore:
    return SqlConversationStore(database)


@pytest.fixture
def talk(store: ConversationStore) -> Conversation:
    return join(store)


def join(store: ConversationStore, who: Principal = ANN, place: tuple[str, str, str, str] = THREAD) -> Conversation:
    return store.join(who, *place, private=False, now=NOW)


def say(store: ConversationStore, talk: Conversation, number: int = 1, text: str = "What of AAPL?") -> Message:
    who = Principal("anybody", talk.workspace)
    return store.remember(who, talk.id, f"m{number}", "U1", "person", text, at=NOW + number * SECOND)


def at_once(work: Callable[[int], Any], threads: int = 8) -> list[Any]:
    """Do the same in many threads that begin together."""
    barrier = threading.Barrier(threads)

    def one(number: int) -> Any:
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(one, range(threads)))


# ---------------------------------------------------------------- conversations


def test_a_conversation_is_made_once_and_then_joined(store: ConversationStore) -> None:
    first = join(store)
    assert (first.workspace, first.platform, first.team, first.channel, first.thread) == ("desk", *THREAD)
    assert (first.created_at, first.private) == (NOW, False)
    assert store.join(ANN, *THREAD, private=False, now=LATER) == first
    assert store.find(ANN, *THREAD) == first


def test_each_place_has_a_conversation_of_its_own(store: ConversationStore) -> None:
    places = {THREAD, (*CHANNEL, ""), ("slack", "", "C1", ""), ("discord", "T1", "C1", ""), ("slack", "T1", "C2", "")}
    assert len({join(store, place=place).id for place in places}) == len(places)


def test_a_place_where_nobody_asked_has_no_conversation(store: ConversationStore) -> None:
    assert store.find(ANN, *THREAD) is None


def test_a_conversation_that_was_ever_private_stays_private(store: ConversationStore) -> None:
    join(store)
    assert store.join(ANN, *THREAD, private=True, now=LATER).private
    assert join(store).private
    found = store.find(ANN, *THREAD)
    assert found is not None and found.private


def test_many_threads_join_one_conversation(store: ConversationStore) -> None:
    assert len({talk.id for talk in at_once(lambda _: join(store))}) == 1


@pytest.mark.parametrize("bad", ["\x00", "\ud800", "a\nb", "x" * 129])
def test_an_id_that_no_platform_makes_is_refused(store: ConversationStore, talk: Conversation, bad: str) -> None:
    attempts: tuple[Callable[[], object], ...] = (
        lambda: store.join(ANN, "slack", bad, "C1", "", private=False, now=NOW),
        lambda: store.find(ANN, "slack", "T1", "C1", bad),
        lambda: store.remember(ANN, talk.id, bad, "U1", "person", "x", at=NOW),
        lambda: store.remember(ANN, bad, "m1", "U1", "person", "x", at=NOW),
        lambda: store.edit(ANN, *CHANNEL, bad, "x", at=NOW),
        lambda: store.delete(ANN, *CHANNEL, bad, at=NOW),
        lambda: store.history(ANN, bad),
        lambda: store.settings(ANN, "slack", "T1", bad),
        lambda: store.forget(ANN, bad),
    )
    for attempt in attempts:
        with pytest.raises(InvalidInput, match="printable"):
            attempt()


# ---------------------------------------------------------------- messages


def test_what_was_said_comes_back_oldest_first(store: ConversationStore, talk: Conversation) -> None:
    second = store.remember(ANN, talk.id, "m2", "tieout", "tieout", "It fell.", run_id="run_1", at=NOW + 2 * SECOND)
    first = say(store, talk)
    assert store.history(ANN, talk.id) == [first, second]
    assert (first.conversation_id, first.message_id, first.author, first.role) == (talk.id, "m1", "U1", "person")
    assert (first.text, first.at, first.run_id) == ("What of AAPL?", NOW + SECOND, None)
    assert (second.role, second.run_id, second.edited_at, second.deleted_at) == ("tieout", "run_1", None, None)


def test_a_history_is_cut_to_its_newest(store: ConversationStore, talk: Conversation) -> None:
    for number in range(6):
        say(store, talk, number)
    assert [one.message_id for one in store.history(ANN, talk.id, limit=2)] == ["m4", "m5"]
    assert store.history(ANN, talk.id, limit=0) == store.history(ANN, talk.id, limit=-1) == []


def test_a_message_that_is_delivered_again_changes_nothing(store: ConversationStore, talk: Conversation) -> None:
    first = say(store, talk)
    assert say(store, talk) == first
    assert say(store, talk, text="something else") == first
    assert store.history(ANN, talk.id) == [first]


def test_many_threads_remember_a_message_once(store: ConversationStore, talk: Conversation) -> None:
    kept = at_once(lambda number: say(store, talk, text=f"as seen by {number}"))
    assert len(set(kept)) == 1
    assert store.history(ANN, talk.id) == [kept[0]]


def test_a_message_of_a_conversation_that_is_not_there_is_refused(store: ConversationStore) -> None:
    with pytest.raises(NotFound, match="conv_nowhere"):
        store.remember(ANN, "conv_nowhere", "m1", "U1", "person", "x", at=NOW)


def test_a_message_is_as_long_as_the_bound_and_no_longer(store: ConversationStore, talk: Conversation) -> None:
    assert len(say(store, talk, text="é" * LONGEST_MESSAGE).text) == LONGEST_MESSAGE
    with pytest.raises(InvalidInput, match="40,001 characters"):
        say(store, talk, 2, "x" * (LONGEST_MESSAGE + 1))
    with pytest.raises(InvalidInput, match="as a file"):
        store.edit(ANN, *CHANNEL, "m1", "x" * (LONGEST_MESSAGE + 1), at=LATER)
    assert len(store.history(ANN, talk.id)) == 1


def test_only_a_person_or_tieout_speaks(store: ConversationStore, talk: Conversation) -> None:
    with pytest.raises(InvalidInput, match="'system'"):
        store.remember(ANN, talk.id, "m1", "U1", "system", "x", at=NOW)  # type: ignore[arg-type]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(exclude_categories=())))
def test_any_text_is_kept_but_for_what_no_database_keeps(store: ConversationStore, text: str) -> None:
    talk = join(store)
    store.forget(ANN, talk.id)
    kept = say(store, join(store), text=text).text
    assert kept == "".join("�" if one == "\x00" else "?" if "\ud800" <= one <= "\udfff" else one for one in text)


# ---------------------------------------------------------------- edits and deletions


def test_an_edit_changes_the_text(store: ConversationStore, talk: Conversation) -> None:
    first = say(store, talk)
    edited = store.edit(ANN, *CHANNEL, "m1", "What of MSFT?", at=LATER)
    assert edited == replace(first, text="What of MSFT?", edited_at=LATER)
    assert store.history(ANN, talk.id) == [edited]
    assert say(store, talk) == edited  # a redelivery of what was said first


def test_an_edit_that_comes_late_does_not_undo_a_newer_one(store: ConversationStore, talk: Conversation) -> None:
    say(store, talk)
    newest = store.edit(ANN, *CHANNEL, "m1", "newest", at=LATER)
    assert store.edit(ANN, *CHANNEL, "m1", "older", at=LATER - SECOND) == newest


def test_what_is_not_remembered_is_neither_edited_nor_kept(store: ConversationStore, talk: Conversation) -> None:
    """People edit and delete much that was never said to tieout."""
    assert store.edit(ANN, *CHANNEL, "m1", "private words", at=NOW) is None
    assert store.delete(ANN, *CHANNEL, "m2", at=NOW) is None
    assert store.history(ANN, talk.id) == []


def test_another_channels_message_of_the_same_id_stays(store: ConversationStore, talk: Conversation) -> None:
    other = join(store, place=("slack", "T1", "C2", ""))
    kept = say(store, other)
    say(store, talk)
    store.edit(ANN, *CHANNEL, "m1", "changed", at=LATER)
    store.delete(ANN, *CHANNEL, "m1", at=LATER)
    assert store.history(ANN, other.id) == [kept]


def test_a_message_in_two_conversations_of_a_channel_is_deleted_in_both(store: ConversationStore) -> None:
    thread, channel = join(store), join(store, place=(*CHANNEL, ""))
    say(store, thread), say(store, channel)
    store.delete(ANN, *CHANNEL, "m1", at=LATER)
    assert store.history(ANN, thread.id) == store.history(ANN, channel.id) == []


def test_a_deleted_message_loses_its_text_for_good(
    store: ConversationStore, talk: Conversation, database: Database
) -> None:
    first = say(store, talk, text="the secret plan")
    gone = store.delete(ANN, *CHANNEL, "m1", at=LATER)
    assert gone == replace(first, text="", deleted_at=LATER)
    assert store.history(ANN, talk.id) == []
    assert say(store, talk, text="the secret plan") == gone
    assert store.edit(ANN, *CHANNEL, "m1", "the secret plan", at=LATER + SECOND) == gone
    assert store.delete(ANN, *CHANNEL, "m1", at=LATER + SECOND) == gone
    assert "secret plan" not in everything(database)


def test_a_message_that_is_deleted_before_it_is_remembered_never_gets_its_text(
    store: ConversationStore, talk: Conversation, database: Database
) -> None:
    """The run that remembers may begin after the person took the words back."""
    assert store.delete(ANN, *CHANNEL, "m1", at=LATER) is None
    late = say(store, talk, text="the secret plan")
    assert (late.text, late.deleted_at) == ("", LATER)
    assert store.history(ANN, talk.id) == []
    assert "secret plan" not in everything(database)


def test_a_deletion_outlives_the_conversation(store: ConversationStore, talk: Conversation) -> None:
    say(store, talk)
    store.delete(ANN, *CHANNEL, "m1", at=LATER)
    store.forget(ANN, talk.id)
    assert say(store, join(store)).text == ""


def test_deletions_are_kept_for_thirty_days(store: ConversationStore, talk: Conversation) -> None:
    """Of messages that were never remembered; one that was is kept as deleted for as long as its conversation."""
    say(store, talk, 1)
    for number in (1, 2):
        store.delete(ANN, *CHANNEL, f"m{number}", at=NOW)
    store.delete(ANN, *CHANNEL, "m3", at=NOW + timedelta(days=30))
    assert say(store, talk, 2).text == ""
    store.delete(ANN, *CHANNEL, "m4", at=NOW + timedelta(days=30) + SECOND)
    store.forget(ANN, talk.id)
    assert [say(store, join(store), number).text for number in (2, 3)] == ["What of AAPL?", ""]


def test_a_deletion_and_a_late_delivery_at_the_same_time_leave_no_text(
    store: ConversationStore, talk: Conversation
) -> None:
    for round in range(12):

        def race(number: int, message: int = round) -> object:
            if number == 0:
                return store.delete(ANN, *CHANNEL, f"m{message}", at=LATER)
            return say(store, talk, message)

        at_once(race, threads=4)
    assert store.history(ANN, talk.id) == []


@dataclass(frozen=True)
class Act:
    """Something that happens to a message, in whatever order it arrives."""

    kind: str
    minute: int

    def __call__(self, store: ConversationStore, talk: Conversation, message_id: str) -> None:
        at = NOW + timedelta(minutes=self.minute)
        if self.kind == "remember":
            store.remember(ANN, talk.id, message_id, "U1", "person", f"said at {self.minute}", at=at)
        elif self.kind == "edit":
            store.edit(ANN, *CHANNEL, message_id, f"edited at {self.minute}", at=at)
        else:
            store.delete(ANN, *CHANNEL, message_id, at=at)


numbers = count()
acts_in_any_order = st.lists(
    st.builds(Act, st.sampled_from(("remember", "edit", "delete")), st.integers(0, 9)), max_size=8
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=acts_in_any_order)
def test_in_whatever_order_things_arrive_the_newest_edit_or_a_deletion_wins(
    store: ConversationStore, acts: list[Act]
) -> None:
    message_id = f"m{next(numbers)}"
    talk = join(store, place=(*CHANNEL, message_id))
    for act in acts:
        act(store, talk, message_id)
    kinds = [act.kind for act in acts]
    shown = [one.text for one in store.history(ANN, talk.id)]
    if "remember" not in kinds or "delete" in kinds:
        assert shown == []
        return
    first = kinds.index("remember")
    edits = [act.minute for act in acts[first:] if act.kind == "edit"]
    assert shown == [f"edited at {max(edits)}" if edits else f"said at {acts[first].minute}"]


# ---------------------------------------------------------------- forgetting, workspaces


def test_a_forgotten_conversation_takes_its_messages_along(
    store: ConversationStore, talk: Conversation, database: Database
) -> None:
    say(store, talk, text="the secret plan")
    assert store.forget(ANN, talk.id)
    assert not store.forget(ANN, talk.id)
    assert store.find(ANN, *THREAD) is None
    assert store.history(ANN, talk.id) == []
    assert "secret plan" not in everything(database)
    assert join(store).id != talk.id


def test_forgetting_and_remembering_at_the_same_time_leave_all_or_nothing(store: ConversationStore) -> None:
    for _ in range(8):
        talk = join(store)

        def race(number: int, talk: Conversation = talk) -> object:
            if number == 0:
                return store.forget(ANN, talk.id)
            try:
                return say(store, talk, number)
            except NotFound:
                return None

        at_once(race, threads=4)
        assert store.history(ANN, talk.id) == []


def test_another_workspace_sees_and_changes_nothing(store: ConversationStore, talk: Conversation) -> None:
    kept = say(store, talk)
    saved = store.save_settings(ANN, ChannelSettings(*CHANNEL, verbosity="full"), now=NOW)
    assert store.find(EVE, *THREAD) is None
    assert store.history(EVE, talk.id) == []
    assert store.edit(EVE, *CHANNEL, "m1", "changed", at=LATER) is None
    assert store.delete(EVE, *CHANNEL, "m1", at=LATER) is None
    assert not store.forget(EVE, talk.id)
    with pytest.raises(NotFound):
        store.remember(EVE, talk.id, "m2", "U1", "person", "x", at=NOW)
    assert store.settings(EVE, *CHANNEL) == ChannelSettings(*CHANNEL)
    store.save_settings(EVE, ChannelSettings(*CHANNEL, enabled=False), now=LATER)
    assert store.history(ANN, talk.id) == [kept]
    assert store.settings(ANN, *CHANNEL) == saved
    theirs = join(store, EVE)
    assert theirs.id != talk.id
    assert say(store, theirs).deleted_at is not None  # their own deletion
    assert store.history(ANN, talk.id) == [kept]


# ---------------------------------------------------------------- settings


def test_a_channel_that_nobody_set_up_has_the_defaults(store: ConversationStore) -> None:
    found = store.settings(ANN, *CHANNEL)
    assert found == ChannelSettings(*CHANNEL)
    assert (found.agents, found.may_ask, found.askers, found.tickers) == ((), "anyone", (), ())
    assert (found.reply, found.verbosity, found.enabled) == ("thread", "normal", True)
    assert (found.updated_by, found.updated_at) == (None, None)


def test_settings_come_back_as_they_were_saved_with_who_and_when(store: ConversationStore) -> None:
    wanted = ChannelSettings(
        *CHANNEL, ("research", "ask"), "members", ("U1", "U2"), ("AAPL",), "channel", "short", enabled=False
    )
    saved = store.save_settings(ANN, wanted, now=NOW)
    assert saved == replace(wanted, updated_by="slack:U1", updated_at=NOW)
    assert store.settings(ANN, *CHANNEL) == saved
    bob = Principal("slack:U2", "desk")
    again = store.save_settings(bob, replace(saved, tickers=()), now=LATER)
    assert store.settings(ANN, *CHANNEL) == again == replace(saved, tickers=(), updated_by=bob.id, updated_at=LATER)
    assert store.settings(ANN, "slack", "T1", "C2") == ChannelSettings("slack", "T1", "C2")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("may_ask", "nobody"),
        ("reply", ""),
        ("verbosity", "loud"),
        ("agents", ("",)),
        ("askers", ("\x00",)),
        ("tickers", ("A" * 129,)),
        ("askers", tuple(map(str, range(1_001)))),
    ],
)
def test_settings_that_mean_nothing_are_refused(store: ConversationStore, field: str, value: Any) -> None:
    with pytest.raises(InvalidInput, match=field):
        store.save_settings(ANN, replace(ChannelSettings(*CHANNEL), **{field: value}), now=NOW)
    assert store.settings(ANN, *CHANNEL) == ChannelSettings(*CHANNEL)


def test_many_threads_save_settings_and_one_of_them_stands(store: ConversationStore) -> None:
    saved = at_once(
        lambda number: store.save_settings(ANN, ChannelSettings(*CHANNEL, tickers=(f"T{number}",)), now=NOW)
    )
    assert store.settings(ANN, *CHANNEL) in saved


# ---------------------------------------------------------------- the tables


def everything(database: Database) -> str:
    """Return every row of every table as text."""
    return database.read(lambda connection: repr([connection.execute(one.select()).all() for one in all_tables()]))


def test_the_migration_makes_the_tables(database: Database) -> None:
    ours = {table.name for table in metadata.sorted_tables if table.name in OURS}
    assert ours == OURS

    def of_chats(item: object, name: str | None, kind: str, *_: object) -> bool:
        return kind != "table" or name in OURS

    def compare(connection: Any) -> list[Any]:
        options = {"compare_type": True, "include_object": of_chats}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))

    assert database.read(compare) == []


OURS = {"conversations", "messages", "deleted_messages", "channel_settings", "credentials"}


@pytest.mark.parametrize("database", ["sqlite", "postgres"], indirect=True)
@pytest.mark.parametrize("target", ["sqlite", "postgres"])
def test_a_backup_takes_conversations_along(
    store: ConversationStore, database: Database, request: pytest.FixtureRequest, tmp_path: Path, target: str
) -> None:
    talk = join(store)
    for number in range(3):
        say(store, talk, number, "é\U0001f4c8")
    store.delete(ANN, *CHANNEL, "m1", at=LATER)
    saved = store.save_settings(ANN, ChannelSettings(*CHANNEL, tickers=("AAPL",)), now=NOW)
    made = StoreBackups(database, tmp_path, profile="embedded").take(tmp_path / "x.tar.gz")
    assert (made.counts["conversations"], made.counts["messages"], made.counts["deleted_messages"]) == (1, 3, 1)

    url = request.getfixturevalue("empty_postgres") if target == "postgres" else None
    assert restore(tmp_path / "x.tar.gz", tmp_path / "new", url).findings == []
    restored = open_database(url or f"sqlite:///{tmp_path / 'new' / 'tieout.db'}")
    again = SqlConversationStore(restored)
    assert again.find(ANN, *THREAD) == talk
    assert again.history(ANN, talk.id) == store.history(ANN, talk.id)
    assert again.settings(ANN, *CHANNEL) == saved
    assert say(again, talk).text == ""
    restored.close()
