"""Every AccessStore keeps members and grants, finds a grant by its hash only, and lets a link be used once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from store.access import SqlAccessStore
from store.database import open_database, open_in_memory
from tieout.model import Grant, GrantKind, Member, Principal, Role
from tieout.ports import AccessStore

NOW = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
ANN, EVE = Principal("ann", "desk", Role.ADMIN), Principal("eve", "elsewhere", Role.ADMIN)
BEN = Member("desk", "ben", Role.MEMBER, True, "ann", NOW)


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AccessStore]:
    if request.param == "memory":
        database = open_in_memory()
    elif request.param == "sqlite":
        database = open_database(f"sqlite:///{tmp_path / 'tieout.db'}")
    else:
        database = open_database(request.getfixturevalue("postgres_url"))
    yield SqlAccessStore(database)
    database.close()


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def grant(id: str = "grant_1", kind: GrantKind = GrantKind.TOKEN, member: str = "ben", **fields: object) -> Grant:
    given = {"workspace": "desk", "role": Role.MEMBER, "label": "x", "created_at": NOW, "expires_at": LATER, **fields}
    return Grant(id, kind, member=member, **given)  # type: ignore[arg-type]


def test_a_member_is_kept_and_changed_and_who_added_them_stays(store: AccessStore) -> None:
    store.put_member(BEN)
    store.put_member(replace(BEN, role=Role.VIEWER, active=False, added_by="eve", added_at=LATER))
    assert store.member("desk", "ben") == replace(BEN, role=Role.VIEWER, active=False)
    assert store.member("desk", "nobody") is None
    assert store.member("elsewhere", "ben") is None


def test_members_are_those_of_the_workspace_by_name(store: AccessStore) -> None:
    for name, workspace in (("zoe", "desk"), ("ben", "desk"), ("eve", "elsewhere")):
        store.put_member(replace(BEN, name=name, workspace=workspace))
    assert [one.name for one in store.members(ANN)] == ["ben", "zoe"]
    assert [one.name for one in store.members(EVE)] == ["eve"]


def test_a_grant_is_found_by_its_hash_and_by_nothing_else(store: AccessStore) -> None:
    store.add_grant(grant(), digest("secret"))
    assert store.grant(digest("secret")) == grant()
    assert store.grant(digest("Secret")) is None
    assert store.grant("") is None
    assert store.grant("secret") is None


def test_grants_are_listed_by_kind_and_member_the_newest_first(store: AccessStore) -> None:
    store.add_grant(grant("grant_1"), digest("1"))
    store.add_grant(grant("grant_2", created_at=LATER), digest("2"))
    store.add_grant(grant("grant_3", GrantKind.SESSION), digest("3"))
    store.add_grant(grant("grant_4", member="ann"), digest("4"))
    store.add_grant(grant("grant_5", workspace="elsewhere"), digest("5"))
    assert [one.id for one in store.grants(ANN, GrantKind.TOKEN)] == ["grant_2", "grant_4", "grant_1"]
    assert [one.id for one in store.grants(ANN, GrantKind.TOKEN, member="ben")] == ["grant_2", "grant_1"]


def test_of_many_who_use_a_link_at_once_one_does(store: AccessStore) -> None:
    store.add_grant(grant(kind=GrantKind.LINK), digest("link"))
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda _: store.spend("grant_1", now=NOW), range(8)))
    assert sorted(won) == [False] * 7 + [True]
    found = store.grant(digest("link"))
    assert found is not None and found.used_at == NOW


def test_a_use_is_noted_each_time(store: AccessStore) -> None:
    store.add_grant(grant(), digest("secret"))
    store.note_use("grant_1", now=NOW)
    store.note_use("grant_1", now=LATER)
    found = store.grant(digest("secret"))
    assert found is not None and found.used_at == LATER


def test_a_grant_is_revoked_once_and_by_its_own_workspace(store: AccessStore) -> None:
    store.add_grant(grant(), digest("secret"))
    assert not store.revoke(EVE, "grant_1", now=NOW)
    assert store.revoke(ANN, "grant_1", now=NOW)
    assert not store.revoke(ANN, "grant_1", now=LATER)
    found = store.grant(digest("secret"))
    assert found is not None and found.revoked_at == NOW


def test_all_grants_of_a_member_end_together(store: AccessStore) -> None:
    for number, kind in enumerate(GrantKind):
        store.add_grant(grant(f"grant_{number}", kind), digest(str(number)))
    store.add_grant(grant("grant_of_ann", member="ann"), digest("ann"))
    assert store.revoke_all(ANN, "ben", now=NOW) == 3
    assert store.revoke_all(ANN, "ben", now=NOW) == 0
    found = store.grant(digest("ann"))
    assert found is not None and found.revoked_at is None


def test_what_expired_long_ago_is_forgotten(store: AccessStore) -> None:
    store.add_grant(grant("grant_1"), digest("1"))
    store.add_grant(grant("grant_2", expires_at=LATER + timedelta(days=1)), digest("2"))
    assert store.forget(before=LATER + timedelta(seconds=1)) == 1
    assert store.grant(digest("1")) is None
    assert store.grant(digest("2")) is not None
