"""Ordering, listing and changing alerts in a channel; `test_alert_runs.py` has what comes of them."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bots.command import StartRun
from bots.inbound import Inbound, InboundKind, Place
from tests.bots.commands.conftest import Chat
from tests.support.alerts import apple
from tieout import codec
from tieout.errors import InvalidInput, NotAvailable, NotFound, PermissionDenied, UnknownInstrument
from tieout.model import Misfire, ScheduleState
from tieout.ports import ImportOptions

CLOSES = apple("2017-01-03", "2018-01-19")


@pytest.fixture
def channel(chat: Chat, tmp_path: Path) -> Chat:
    """Return a person in a channel of a desk that has Apple's unadjusted and adjusted closes of a year."""
    for adjustment in ("none", "splits_dividends"):
        import_closes(chat, tmp_path, "AAPL", CLOSES, adjustment=adjustment)
    return chat


def import_closes(chat: Chat, folder: Path, ticker: str, closes: Mapping[str, float], **options: Any) -> None:
    path = folder / f"{ticker}.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("date", "close"), *closes.items()])
    chat.desk.import_bars(chat.who, path, ImportOptions(**{"ticker": ticker, "vendor": "exchange", **options}))


@dataclass
class Elsewhere(Chat):
    """A person in another place."""

    place: Place = field(kw_only=True)

    def _inbound(self, kind: InboundKind, **fields: object) -> Inbound:
        return replace(super()._inbound(kind, **fields), place=self.place)


def says_at(chat: Chat, place: Place, text: str) -> str:
    """Return what is answered to somebody in another place."""
    return Elsewhere(chat.desk, chat.person, chat.settings, chat.more, place=place).told(text)


def test_an_alert_is_a_schedule_after_the_close_of_the_exchange(channel: Chat) -> None:
    told = channel.told("alert AAPL above 200")
    assert "AAPL close \\> 200" in told and "XNYS close" in told
    (kept,) = channel.desk.schedules(channel.who)
    assert (kept.spec.rule, kept.spec.misfire) == ("XNYS close + 30m", Misfire.ONCE)
    assert kept.spec.request.question == "AAPL close > 200"
    inbound = codec.load(Inbound, kept.spec.request.params["inbound"])
    assert (inbound.kind, inbound.command) == (InboundKind.COMMAND, "alert")
    assert inbound.arguments == {"order": "check AAPL close > 200"}
    assert (inbound.place.channel, inbound.place.thread) == ("C1", "1.0")
    assert kept.spec.request.params["since"] == "2018-01-19"


def test_the_answer_says_which_prices_are_looked_at(channel: Chat) -> None:
    said = channel.told("alert AAPL above 200").replace("\\", "")
    assert "The close of a day, in USD; unadjusted closes (vendor exchange, from AAPL.csv)" in said
    said = channel.told("alert AAPL change > 5%").replace("\\", "")
    assert "The change from one close to the next; closes adjusted for splits and dividends" in said
    said = channel.told("alert AAPL crosses above sma(200)").replace("\\", "")
    assert "against the simple mean of the last 200 closes; unadjusted closes" in said


def test_old_prices_are_told_as_the_reason_of_a_silence_to_come(channel: Chat) -> None:
    assert "nothing is said before there are newer ones" in channel.told("alert AAPL above 200")


def test_fresh_prices_need_no_such_word(chat: Chat, tmp_path: Path) -> None:
    days = [f"2026-11-{day:02}" for day in (19, 20, 23, 24, 25)]
    import_closes(chat, tmp_path, "ACME", dict.fromkeys(days, 10.0), adjustment="none")
    assert "⚠" not in chat.told("alert ACME above 200")


@pytest.mark.parametrize(
    ("order", "means"),
    [
        ("alert apple below 150", "AAPL close < 150"),
        ("alert me when AAPL rises 5%", "AAPL change >= 5%"),
        ("alert AAPL rsi above 70", "AAPL rsi(14) > 70"),
        ("/alert if AAPL price below sma 50", "AAPL close < sma(50)"),
    ],
)
def test_an_order_is_kept_in_its_exact_form(channel: Chat, order: str, means: str) -> None:
    channel.told(order)
    (kept,) = channel.desk.schedules(channel.who)
    assert kept.spec.request.question == means


def test_the_same_condition_is_one_alert_in_a_channel_and_another_elsewhere(channel: Chat) -> None:
    assert "Alert kept" in channel.told("alert AAPL above 200")
    assert "is here already" in channel.told("alert AAPL crosses above 200.00", key="slack/T1/C1/2.0")
    assert "is here already" in channel.another("U2").told("alert AAPL above 200", key="slack/T1/C1/3.0")
    assert "Alert kept" in says_at(channel, Place("slack", "T1", "C2"), "alert AAPL above 200")
    assert len(channel.desk.schedules(channel.who)) == 2


def test_an_alert_is_listed_in_its_channel_alone(channel: Chat) -> None:
    channel.told("alert AAPL above 200")
    channel.told("schedule XNYS close How did AAPL do?")
    for order in ("alert", "alert list", "alert LIST"):
        listed = channel.told(order).replace("\\", "")
        assert "AAPL close > 200" in listed and "active" in listed
        assert "How did" not in listed
    assert "no alerts in this channel" in says_at(channel, Place("slack", "T1", "C2"), "alert")


def test_a_direct_message_lists_all_alerts_of_the_person(channel: Chat) -> None:
    channel.told("alert AAPL above 200")
    alone = Place("slack", "T1", "D1", direct=True)
    says_at(channel, alone, "alert AAPL below 150")
    listed = says_at(channel, alone, "alert list").replace("\\", "")
    assert "AAPL close > 200" in listed and "AAPL close < 150" in listed
    assert "You have no alerts" in says_at(channel.another("U2"), Place("slack", "T1", "D2", direct=True), "alert")


@pytest.mark.parametrize("by", ["name", "id", "condition", "other words"])
def test_an_alert_is_paused_resumed_and_removed(channel: Chat, by: str) -> None:
    channel.told("alert AAPL above 200")
    (kept,) = channel.desk.schedules(channel.who)
    named = {"name": kept.spec.name, "id": kept.id, "condition": "AAPL close > 200", "other words": "Apple over 200"}[
        by
    ]
    assert "is paused" in channel.told(f"alert pause {named}")
    assert channel.desk.schedule(channel.who, kept.id).state is ScheduleState.PAUSED
    assert "is active, next look" in channel.told(f"alert resume {named}")
    assert "is removed" in channel.told(f"alert remove {named}")
    with pytest.raises(NotFound, match="`alert list` shows"):
        channel.told(f"alert remove {named}")


def test_buttons_check_pause_resume_and_remove(channel: Chat) -> None:
    check, pause, remove = channel.says("alert AAPL above 200").document.buttons
    looking = channel.clicks(check.value)
    assert isinstance(looking, StartRun)
    assert (looking.request.agent, looking.quiet) == ("alert", False)
    assert looking.request.params["watch"]["since"] is None
    paused = channel.clicks(pause.value).document
    assert "is paused" in paused.markdown
    assert [button.label for button in paused.buttons] == ["Resume", "Remove alert"]
    assert "is active" in channel.clicks(paused.buttons[0].value).document.markdown
    assert "is removed" in channel.clicks(remove.value).document.markdown
    assert all(len(button.value) <= 100 for button in (check, pause, remove))


def test_an_alert_of_another_channel_is_not_found(channel: Chat) -> None:
    channel.told("alert AAPL above 200")
    with pytest.raises(NotFound, match="no alert"):
        says_at(channel.another("U2"), Place("slack", "T1", "C2"), "alert remove AAPL above 200")


def test_somebody_elses_alert_stays(channel: Chat) -> None:
    channel.told("alert AAPL above 200")
    with pytest.raises(PermissionDenied, match="slack:U1"):
        channel.another("U2").told("alert remove AAPL above 200")


@pytest.mark.parametrize("verb", ["pause", "resume", "remove", "check"])
def test_a_verb_without_a_name_asks_for_it(channel: Chat, verb: str) -> None:
    with pytest.raises(InvalidInput, match=f"alert {verb} NAME"):
        channel.told(f"alert {verb}")


def test_any_condition_can_be_checked_without_an_alert(channel: Chat) -> None:
    request = channel.starts("alert check apple rsi > 70")
    assert (request.question, request.tickers, request.as_of) == ("AAPL rsi(14) > 70", ("AAPL",), None)
    with pytest.raises(InvalidInput, match="'abov' was not understood"):
        channel.says("alert check AAPL abov 70")


def test_a_wrong_condition_is_told_in_words_and_nothing_is_kept(channel: Chat) -> None:
    with pytest.raises(InvalidInput, match="in percent"):
        channel.told("alert AAPL change > 5")
    assert not channel.desk.schedules(channel.who)


def test_a_company_without_prices_is_refused_with_what_to_do(channel: Chat) -> None:
    with pytest.raises(NotFound, match=r"no prices of MSFT.*`tieout market import FILE`"):
        channel.told("alert MSFT above 200")
    with pytest.raises(UnknownInstrument):
        channel.told("alert QQQQQQ above 200")
    assert not channel.desk.schedules(channel.who)


def test_prices_that_embed_dividends_give_no_level(chat: Chat, tmp_path: Path) -> None:
    import_closes(chat, tmp_path, "ACME", CLOSES, adjustment="splits_dividends")
    with pytest.raises(InvalidInput, match=r"needs unadjusted or split-adjusted prices.*--adjustment none"):
        chat.told("alert ACME above 200")
    assert "Alert kept" in chat.told("alert ACME falls 5%")
    assert "Alert kept" in chat.told("alert ACME below sma(50)")


def test_too_few_prices_are_refused_with_how_many_are_needed(chat: Chat, tmp_path: Path) -> None:
    import_closes(chat, tmp_path, "ACME", dict(list(CLOSES.items())[-50:]), adjustment="none")
    with pytest.raises(InvalidInput, match=r"has 50 days of prices.*needs 51"):
        chat.told("alert ACME below sma(50)")
    assert "Alert kept" in chat.told("alert ACME below sma(49)")


def test_a_channel_whose_settings_leave_alerts_out_refuses_them(channel: Chat) -> None:
    channel.settings = replace(channel.settings, agents=("ask",))
    with pytest.raises(PermissionDenied, match="settings agents all"):
        channel.told("alert AAPL above 200")


@pytest.mark.parametrize(
    ("zone", "rule"),
    [("Europe/London", "XLON close + 30m"), ("Europe/Warsaw", "cron: 30 18 * * 1-5 Europe/Warsaw")],
)
def test_the_exchange_is_that_of_the_prices_time_zone_else_weekdays(
    chat: Chat, tmp_path: Path, zone: str, rule: str
) -> None:
    import_closes(chat, tmp_path, "ACME", CLOSES, adjustment="none", time_zone=zone)
    chat.told("alert ACME above 200")
    (kept,) = chat.desk.schedules(chat.who)
    assert kept.spec.rule == rule


def test_without_market_calendars_it_is_looked_at_on_weekdays(channel: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise NotAvailable("install exchange-calendars")

    monkeypatch.setattr("tieout.recurrence.market._library", missing)
    channel.told("alert AAPL above 200")
    (kept,) = channel.desk.schedules(channel.who)
    assert kept.spec.rule == "cron: 30 18 * * 1-5 America/New_York"


def test_orders_about_ones_own_alerts_are_suggested(channel: Chat) -> None:
    from bots.commands.alert import COMMAND

    channel.told("alert AAPL above 200")
    suggest = COMMAND.arguments[0].suggest
    assert suggest is not None
    assert list(suggest(channel.desk, channel.who, "remove ")) == [
        f"remove {channel.desk.schedules(channel.who)[0].spec.name}"
    ]
    assert list(suggest(channel.desk, channel.another("U2").who, "")) == ["list"]


def test_the_day_is_that_of_the_order(channel: Chat) -> None:
    """A clock far ahead does not make prices look fresh, nor one behind make them stale."""
    early = datetime(2018, 1, 22, tzinfo=UTC)
    assert "⚠" not in channel.told("alert AAPL above 200", at=early)
