"""Settings of a channel: shown to all, changed by those who may."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tieout.errors import InvalidInput, NotAvailable, PermissionDenied
from tieout.model import ChannelSettings

HERE = ChannelSettings("slack", "T1", "C1")


def kept(chat):
    return chat.more["conversations"].settings(chat.who, "slack", "T1", "C1")


def test_settings_are_shown_to_the_one_who_asks(chat):
    reply = chat.says("settings")
    assert reply.private
    assert "| enabled | on |" in reply.document.markdown


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("enabled off", "enabled", False),
        ("may_ask members", "may_ask", "members"),
        ("reply channel", "reply", "channel"),
        ("verbosity short", "verbosity", "short"),
        ("agents ask, research", "agents", ("ask", "research")),
        ("agents all", "agents", ()),
        ("tickers Apple WMT", "tickers", ("AAPL", "WMT")),
        ("tickers none", "tickers", ()),
        ("off chart, market", "off", ("chart", "market")),
        ("off none", "off", ()),
        ("askers <@U2> <@!123456789012345678>", "askers", ("U2", "123456789012345678", "U1")),
        ("askers me", "askers", ("U1",)),
        ("askers anyone", "askers", ()),
    ],
)
def test_a_setting_is_changed_and_says_who_changed_it(chat, text, name, value):
    said = chat.told(f"settings {text}")
    assert getattr(kept(chat), name) == value
    assert kept(chat).updated_by == "slack:U1"
    assert "Changed last by slack:U1" in said
    assert kept(chat).updated_at is not None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("colour red", "name is one of"),
        ("enabled maybe", "on, off"),
        ("verbosity", "as in `settings verbosity full`"),
        ("agents writer", "no agent 'writer'"),
        ("off nonesuch", "no command 'nonesuch'"),
        ("off settings", "cannot be switched off"),
        ("askers nobody in particular", "by a mention"),
        ("tickers Nonesuch", "Nonesuch"),
    ],
)
def test_what_cannot_be_is_refused(chat, text, why):
    with pytest.raises(InvalidInput, match=why):
        chat.says(f"settings {text}")
    assert kept(chat) == HERE


def test_only_askers_change_the_settings_of_their_channel(chat):
    chat.settings = replace(HERE, askers=("U1",))
    with pytest.raises(PermissionDenied):
        chat.another("U2").says("settings enabled off")
    chat.says("settings enabled off")
    assert not kept(chat).enabled


def test_without_a_memory_of_chats_nothing_can_be_changed(chat):
    chat.more["conversations"] = None
    with pytest.raises(NotAvailable):
        chat.says("settings enabled off")


def test_a_question_without_a_company_is_about_the_channels(chat):
    chat.settings = replace(HERE, tickers=("AAPL",))
    assert chat.starts("ask What was revenue in 2022?").tickers == ("AAPL",)
    assert chat.starts("ask What was Walmart's revenue in 2022?").tickers == ()
    assert chat.starts("brief WMT").tickers == ("WMT",)
