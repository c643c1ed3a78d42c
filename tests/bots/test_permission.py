"""Who may do what in a channel follows from its settings and from what the workspace says of a person."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bots.command import discover
from bots.inbound import Inbound, InboundKind, Place
from bots.permission import acting, check, check_may_set, known, role_of
from tests.support.desk import memory_desk
from tieout.errors import PermissionDenied
from tieout.model import ChannelSettings, Member, Principal, Role

AT = datetime(2026, 11, 27, tzinfo=UTC)
HERE = ChannelSettings("slack", "T1", "C1")
ADA = Principal("slack:U1", "desk")
ASKED = Inbound("k", InboundKind.MESSAGE, Place("slack", "T1", "C1"), "U1", AT, message="1.0", text="hello")
COMMANDS = discover()


def member(name: str, role: Role = Role.MEMBER, *, active: bool = True) -> Member:
    return Member("desk", name, role, active, "ann", AT)


def may(command: str, settings: ChannelSettings = HERE, role: Role | None = None) -> bool:
    try:
        check(COMMANDS.get(command), ASKED, settings, role)
    except PermissionDenied:
        return False
    return True


def test_nobody_has_a_role_until_the_workspace_gives_one():
    members = [member("slack:U2", Role.ADMIN), member("slack:U1", Role.VIEWER)]
    assert role_of(members, ADA) is Role.VIEWER
    assert role_of(members[:1], ADA) is None


def test_who_is_kept_out_gets_no_answer():
    with pytest.raises(PermissionDenied, match="ended your access"):
        role_of([member("slack:U1", active=False)], ADA)


def test_a_channel_that_is_off_answers_only_what_switches_it_on():
    off = replace(HERE, enabled=False)
    assert {one.name for one in COMMANDS if may(one.name, off, Role.ADMIN)} == {"settings", "help"}


def test_a_command_that_is_off_is_refused_to_all_and_the_others_are_not():
    off = replace(HERE, off=("chart", "market"))
    assert not may("chart", off, Role.ADMIN)
    assert may("research", off)


def test_only_the_askers_and_admins_may_ask_where_there_are_askers():
    assert may("research", replace(HERE, askers=("U1", "U2")))
    assert not may("research", replace(HERE, askers=("U2",)))
    assert may("research", replace(HERE, askers=("U2",)), Role.ADMIN)


def test_only_whom_the_workspace_knows_may_ask_where_members_may():
    members = replace(HERE, may_ask="members")
    assert not may("research", members)
    assert may("help", members)
    assert may("research", members, Role.MEMBER)


def test_a_viewer_looks_and_does_not_ask():
    assert may("runs", role=Role.VIEWER)
    assert not may("research", role=Role.VIEWER)
    assert not may("approve", role=Role.VIEWER)


def test_settings_are_changed_by_admins_once_there_is_one_in_the_chat():
    nobody: list[Member] = []
    check_may_set("U1", HERE, nobody, None)
    with pytest.raises(PermissionDenied, match="askers"):
        check_may_set("U1", replace(HERE, askers=("U2",)), nobody, None)
    with pytest.raises(PermissionDenied, match="Only admins"):
        check_may_set("U1", HERE, [member("slack:U2", Role.ADMIN)], None)
    check_may_set("U1", HERE, [member("ann", Role.ADMIN)], None)  # an admin at the terminal locks nobody out
    check_may_set("U1", replace(HERE, askers=("U2",)), [member("slack:U1", Role.ADMIN)], Role.ADMIN)


def test_an_admin_of_a_chat_reads_no_more_there_than_the_others():
    assert acting(ADA, Role.ADMIN).role is Role.MEMBER
    assert acting(ADA, Role.VIEWER).role is Role.VIEWER


def test_an_installation_without_members_knows_nobody(chat_desk):
    assert known(chat_desk, ADA) == []


@pytest.fixture
def chat_desk(tmp_path):
    with memory_desk(tmp_path / "reports") as desk:
        yield desk
