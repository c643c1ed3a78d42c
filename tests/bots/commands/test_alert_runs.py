"""Alerts from the order to the message, over Apple's real closes of January 2018, day by day, in a chat that counts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.agents.alert import SAY_NOTHING
from tests.support.alerts import AlertDesk, alert_desk, apple
from tieout.model import RunState

CLOSES = apple("2017-12-01", "2018-01-19")  # 175.00 on 5 January, 174.29 on the 10th, 175.28 on the 11th; a holiday on
# the 15th; no session on 6, 7, 13 and 14 January


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[AlertDesk]:
    """Yield a desk with the closes up to 29 December 2017, on 2 January 2018 before the close."""
    with alert_desk(tmp_path) as made:
        made.prices({day: close for day, close in CLOSES.items() if day < "2018-01-01"})
        yield made


def up_to(desk: AlertDesk, day: str) -> None:
    desk.prices({one: close for one, close in CLOSES.items() if one <= day})


def passes(desk: AlertDesk, *days: str) -> list[str]:
    """Let days pass, each with its prices; return what is said."""
    said = []
    for day in days:
        up_to(desk, day)
        said += desk.fired(day)
    return said


WEEK = ("2018-01-02", "2018-01-03", "2018-01-04", "2018-01-05", "2018-01-08", "2018-01-09", "2018-01-10")


def test_an_alert_speaks_once_when_its_condition_becomes_true(desk: AlertDesk) -> None:
    told = desk.says("alert ACME above 175")
    assert "Alert kept" in told and "XNYS close" in told and "unadjusted closes" in told and "29 December 2017" in told
    assert passes(desk, *WEEK) == []  # 175.00 is not above 175
    (said,) = passes(desk, "2018-01-11")
    assert "ACME close" in said and "became true on 11 January 2018" in said
    assert "$175.28" in said and "$174.29" in said and "10 January 2018" in said
    assert "2 of 2 numbers tied" in said
    assert "computed from bars" in said
    assert "alert:pause" in said and "alert:remove" in said and "sources:" in said
    assert "repeat:" not in said and "rerun:" not in said
    assert passes(desk, "2018-01-12", "2018-01-16", "2018-01-17") == []


def test_it_speaks_again_only_after_the_condition_was_false(desk: AlertDesk) -> None:
    desk.says("alert ACME at least 175")
    assert [day for day in (*WEEK, "2018-01-11", "2018-01-12") if passes(desk, day)] == ["2018-01-05", "2018-01-11"]


def test_a_run_with_nothing_to_say_is_done_and_says_so_itself(desk: AlertDesk) -> None:
    desk.says("alert ACME above 175")
    up_to(desk, "2018-01-02")
    count = len(desk.board.messages)
    (run,) = desk.closed("2018-01-02")
    assert (run.state, run.result["outcome"]) == (RunState.DONE, SAY_NOTHING)
    assert len(desk.board.messages) == count
    (looked,) = [one for one in desk.desk.runs(desk.person) if one.request.agent == "alert"]
    assert looked.state is RunState.DONE
    assert "Nothing to say" in str(desk.desk.result(desk.person, looked.id)["answer"])


def test_nothing_is_said_on_a_holiday_or_without_newer_prices(desk: AlertDesk) -> None:
    desk.says("alert ACME above 175")
    passes(desk, *WEEK)
    up_to(desk, "2018-01-11")
    assert desk.closed("2018-01-10", hour=23) == []  # no time is due
    assert len(desk.fired("2018-01-11")) == 1
    assert desk.fired("2018-01-12") == []  # fired, but the prices did not come
    assert desk.closed("2018-01-15") == []  # Martin Luther King's day
    assert desk.fired("2018-01-16") == []


def test_prices_that_come_late_are_looked_at_when_they_come(desk: AlertDesk) -> None:
    desk.says("alert ACME above 175")
    passes(desk, *WEEK)
    assert desk.fired("2018-01-11") == []
    up_to(desk, "2018-01-12")
    (said,) = desk.fired("2018-01-12")
    assert "became true on 11 January 2018" in said and "is still true on 12 January 2018" in said
    assert "$177.09" in said


def test_after_an_outage_one_look_covers_all_days_since(desk: AlertDesk) -> None:
    desk.says("alert ACME at least 175")
    assert passes(desk, "2018-01-02", "2018-01-03") == []
    up_to(desk, "2018-01-10")
    (said,) = desk.fired("2018-01-10")  # nothing ran on the 4th to the 9th
    assert "became true on 5 January 2018" in said and "is no longer true on 10 January 2018" in said
    assert passes(desk, "2018-01-11") != []


def test_a_look_that_is_replayed_says_nothing_twice(desk: AlertDesk) -> None:
    desk.says("alert ACME above 175")
    passes(desk, *WEEK)
    up_to(desk, "2018-01-11")
    (run,) = desk.closed("2018-01-11")
    count = len(desk.board.messages)
    desk.desk.replay(desk.person, run.id, step="decide")
    desk.desk.wait(desk.person, run.id, timeout_s=60)
    assert len(desk.board.messages) == count  # the answer of another run under the same key is not sent
    (first, second) = [one for one in desk.desk.runs(desk.person) if one.request.agent == "alert"][:2]
    assert first.request.params == second.request.params


def test_a_second_look_at_one_day_says_nothing(desk: AlertDesk) -> None:
    desk.says("alert ACME above 175")
    passes(desk, *WEEK, "2018-01-11")
    count = len(desk.board.messages)
    (alert,) = desk.desk.schedules(desk.person)
    run = desk.desk.fire_schedule(desk.person, alert.id)
    ended = desk.desk.wait(desk.person, run.id, timeout_s=60)
    assert ended.result["outcome"] == SAY_NOTHING
    assert len(desk.board.messages) == count


def test_a_look_that_was_never_decided_is_made_up_for_by_the_next(desk: AlertDesk) -> None:
    desk.says("alert ACME above 175")
    passes(desk, *WEEK)
    up_to(desk, "2018-01-11")
    desk.desk.engine.stop()  # the workers are gone; the scheduler is not
    desk.now = desk.now.replace(day=11)
    desk.scheduler.run_once()
    up_to(desk, "2018-01-12")
    desk.now = desk.now.replace(day=12)
    desk.scheduler.run_once()
    desk.desk.engine.start()
    before = len(desk.board.messages)
    waiting = [run.id for run in desk.desk.runs(desk.person) if not run.state.final]
    ended = [desk.desk.wait(desk.person, run_id, timeout_s=60) for run_id in waiting]
    assert sum(run.result.get("outcome") == SAY_NOTHING for run in ended) == 1  # that of the older fire
    (said,) = desk.said[before:]
    assert "became true on 11 January 2018" in said


def test_a_corrected_price_is_seen_as_it_is(desk: AlertDesk) -> None:
    """The day before counts as it is known now, not as a run once saw it."""
    desk.says("alert ACME above 175")
    passes(desk, *WEEK)
    corrected = {**CLOSES, "2018-01-10": 175.5}
    desk.prices({day: close for day, close in corrected.items() if day <= "2018-01-11"}, replacing=True)
    assert desk.fired("2018-01-11") == []


def test_what_came_true_in_a_pause_is_not_made_up_for(desk: AlertDesk) -> None:
    desk.says("alert ACME at least 175")
    passes(desk, "2018-01-02", "2018-01-03")
    assert "is paused" in desk.says("alert pause ACME at least 175")
    assert passes(desk, "2018-01-04", "2018-01-05", "2018-01-08") == []
    assert "is active" in desk.says("alert resume ACME at least 175")
    assert passes(desk, "2018-01-09", "2018-01-10") == []
    (said,) = passes(desk, "2018-01-11")
    assert "became true on 11 January 2018" in said and "also" not in said


def test_an_alert_that_was_removed_says_nothing_more(desk: AlertDesk) -> None:
    desk.says("alert ACME above 175")
    passes(desk, *WEEK)
    (alert,) = desk.desk.schedules(desk.person)
    assert "is removed" in desk.clicks(f"alert:remove {alert.id}")
    assert passes(desk, "2018-01-11") == []


def test_how_a_condition_stands_is_told_on_demand_with_its_numbers_tied(desk: AlertDesk) -> None:
    desk.says("alert ACME above 175")
    (alert,) = desk.desk.schedules(desk.person)
    told = desk.clicks(f"alert:check {alert.id}")
    assert "is not true on 29 December 2017" in told and "$169.23" in told and "2 of 2 numbers tied" in told
    assert "is true on 29 December 2017" in desk.says("alert check ACME below 175")


def test_an_average_is_told_beside_the_close(desk: AlertDesk) -> None:
    desk.says("alert ACME crosses above sma(5)")
    (said,) = passes(desk, "2018-01-02")
    assert "$172.26" in said and "with its average at" in said and "4 of 4 numbers tied" in said
    assert "$170.75" in said  # the mean of 170.57, 170.60, 171.08, 169.23 and 172.26


def test_prices_that_are_gone_are_told(desk: AlertDesk) -> None:
    desk.says("alert ACME above 175")
    desk.lake._tables.__init__()  # type: ignore[misc]
    desk.lake._cache.clear()
    (said,) = desk.fired("2018-01-02")
    assert "holds no prices of ACME" in said
