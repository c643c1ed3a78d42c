"""Members get in by tokens, links and sessions as long as all of it holds, and never with more than they may."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from store.access import SqlAccessStore
from store.database import open_in_memory
from tests.support.desk import ADMIN, MEMBER, VIEWER
from tests.support.service import TOKEN, running
from tieout.application import Application
from tieout.client import HttpDesk
from tieout.errors import Conflict, InvalidInput, NotFound, PermissionDenied
from tieout.model import GrantKind, Principal, Role
from tieout.ports import Desk
from tieout.use_cases.access import LINK_MINUTES, SESSION_DAYS

STRANGER = Principal("eve", "elsewhere", Role.ADMIN)


@pytest.fixture
def open_to_members(desk: Application) -> Iterator[Application]:
    database = open_in_memory()
    opened = replace(desk, access_store=SqlAccessStore(database))
    for who in (ADMIN, MEMBER, VIEWER):
        opened.put_member(ADMIN, who.id, who.role)
    opened.put_member(STRANGER, STRANGER.id, Role.ADMIN)
    yield opened
    database.close()


@pytest.fixture(params=["here", "over HTTP"])
def door(request: pytest.FixtureRequest, open_to_members: Application, tmp_path: Path) -> Iterator[Desk]:
    if request.param == "here":
        yield open_to_members
        return
    with running(open_to_members) as service, HttpDesk(service.url, TOKEN, reports=tmp_path) as client:
        yield client


def later(desk: Application, **delta: float) -> Application:
    now = desk.clock() + timedelta(**delta)
    return replace(desk, clock=lambda: now)


def test_a_token_lets_its_member_in_with_the_lesser_of_both_roles(door: Desk, open_to_members: Application) -> None:
    token, secret = door.create_token(MEMBER, "notebook", role=Role.VIEWER)
    assert open_to_members.authenticate(secret, GrantKind.TOKEN) == replace(MEMBER, role=Role.VIEWER)
    assert (token.member, token.role, token.label) == (MEMBER.id, Role.VIEWER, "notebook")
    _, full = door.create_token(MEMBER, "everything")
    door.put_member(ADMIN, MEMBER.id, Role.VIEWER)
    assert open_to_members.authenticate(full, GrantKind.TOKEN) == replace(MEMBER, role=Role.VIEWER)


def test_nobody_gives_away_more_than_they_may(door: Desk) -> None:
    with pytest.raises(PermissionDenied, match="cannot give away"):
        door.create_token(MEMBER, "too much", role=Role.ADMIN)


@pytest.mark.parametrize("days", [0, -1, 367])
def test_a_token_lives_a_year_at_most(open_to_members: Application, days: int) -> None:
    with pytest.raises(InvalidInput, match="days"):
        open_to_members.create_token(MEMBER, "x", days=days)


def test_a_token_ends_when_it_expires_and_when_it_is_revoked(door: Desk, open_to_members: Application) -> None:
    token, secret = door.create_token(MEMBER, "short", days=2)
    assert later(open_to_members, days=1.9).authenticate(secret, GrantKind.TOKEN) is not None
    assert later(open_to_members, days=2).authenticate(secret, GrantKind.TOKEN) is None
    door.revoke_token(MEMBER, token.id)
    assert open_to_members.authenticate(secret, GrantKind.TOKEN) is None
    with pytest.raises(NotFound, match="to revoke"):
        door.revoke_token(MEMBER, token.id)


def test_members_see_and_revoke_their_own_tokens_and_admins_all(door: Desk) -> None:
    own, _ = door.create_token(MEMBER, "own")
    other, _ = door.create_token(VIEWER, "other")
    assert [one.id for one in door.tokens(MEMBER)] == [own.id]
    assert {one.id for one in door.tokens(ADMIN)} == {own.id, other.id}
    with pytest.raises(NotFound):
        door.revoke_token(MEMBER, other.id)
    with pytest.raises(NotFound):
        door.revoke_token(STRANGER, own.id)
    door.revoke_token(ADMIN, other.id)


def test_a_link_makes_one_session_and_no_other(door: Desk, open_to_members: Application) -> None:
    link = door.sign_in_link(MEMBER)
    assert open_to_members.link_owner(link) == MEMBER
    who, session = open_to_members.sign_in(link)
    assert who == MEMBER
    assert open_to_members.authenticate(session, GrantKind.SESSION) == MEMBER
    assert open_to_members.link_owner(link) is None
    with pytest.raises(PermissionDenied, match="was used, has expired"):
        open_to_members.sign_in(link)
    open_to_members.sign_out(session)
    assert open_to_members.authenticate(session, GrantKind.SESSION) is None


def test_links_and_sessions_expire(open_to_members: Application) -> None:
    link = open_to_members.sign_in_link(MEMBER)
    with pytest.raises(PermissionDenied):
        later(open_to_members, minutes=LINK_MINUTES).sign_in(link)
    _, session = open_to_members.sign_in(link)
    assert later(open_to_members, days=SESSION_DAYS - 0.1).authenticate(session, GrantKind.SESSION) == MEMBER
    assert later(open_to_members, days=SESSION_DAYS).authenticate(session, GrantKind.SESSION) is None


def test_a_secret_of_one_kind_is_none_of_another(open_to_members: Application) -> None:
    _, token = open_to_members.create_token(MEMBER, "x")
    link = open_to_members.sign_in_link(MEMBER)
    assert open_to_members.authenticate(token, GrantKind.SESSION) is None
    assert open_to_members.authenticate(link, GrantKind.TOKEN) is None
    with pytest.raises(PermissionDenied):
        open_to_members.sign_in(token)
    for guess in ("", " ", "tieout_", "\x00", "\ud800", "x" * 10_000):
        assert open_to_members.authenticate(SecretStr(guess), GrantKind.TOKEN) is None


def test_only_admins_let_others_in(door: Desk, open_to_members: Application) -> None:
    with pytest.raises(PermissionDenied, match="let others in"):
        door.sign_in_link(MEMBER, member=ADMIN.id)
    who, _ = open_to_members.sign_in(door.sign_in_link(ADMIN, member=VIEWER.id))
    assert who == VIEWER
    with pytest.raises(NotFound, match="no member"):
        door.sign_in_link(ADMIN, member="nobody")


def test_who_is_kept_out_is_out_at_once(door: Desk, open_to_members: Application) -> None:
    _, token = door.create_token(MEMBER, "x")
    link = door.sign_in_link(MEMBER)
    _, session = open_to_members.sign_in(door.sign_in_link(MEMBER))
    door.put_member(ADMIN, MEMBER.id, MEMBER.role, active=False)
    assert open_to_members.authenticate(token, GrantKind.TOKEN) is None
    assert open_to_members.authenticate(session, GrantKind.SESSION) is None
    assert open_to_members.link_owner(link) is None
    door.put_member(ADMIN, MEMBER.id, MEMBER.role)
    assert open_to_members.authenticate(token, GrantKind.TOKEN) is None  # what was ended stays ended


def test_members_are_changed_by_admins_and_one_admin_stays(door: Desk) -> None:
    for who in (MEMBER, VIEWER):
        with pytest.raises(PermissionDenied):
            door.put_member(who, "zoe", Role.VIEWER)
        with pytest.raises(PermissionDenied):
            door.members(who)
    for change in ({"role": Role.MEMBER}, {"role": Role.ADMIN, "active": False}):
        with pytest.raises(Conflict, match="last admin"):
            door.put_member(ADMIN, ADMIN.id, **change)  # type: ignore[arg-type]
    assert {one.name for one in door.members(ADMIN)} == {ADMIN.id, MEMBER.id, VIEWER.id}
    for name in ("", " ", "a\nb", "x" * 129):
        with pytest.raises((InvalidInput, NotFound)):
            door.put_member(ADMIN, name, Role.VIEWER)


def test_the_first_who_opens_the_data_folder_is_the_first_admin(desk: Application) -> None:
    database = open_in_memory()
    new = replace(desk, access_store=SqlAccessStore(database))
    who, _ = new.sign_in(new.sign_in_link(ADMIN))
    assert who == ADMIN
    with pytest.raises(NotFound, match="no member"):
        new.sign_in_link(replace(ADMIN, id="somebody else"))
    database.close()


def test_no_secret_is_logged_or_shown_again(open_to_members: Application) -> None:
    with capture_logs() as logs:
        token, secret = open_to_members.create_token(MEMBER, "x")
        link = open_to_members.sign_in_link(MEMBER)
        _, session = open_to_members.sign_in(link)
        open_to_members.revoke_token(MEMBER, token.id)
    kept = f"{logs} {open_to_members.tokens(ADMIN)} {secret} {link!r} {session}"
    for one in (secret, link, session):
        assert one.get_secret_value() not in kept
