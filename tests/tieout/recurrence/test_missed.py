"""What has passed is counted, and the newest of it is known, however far behind one is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from tieout.model import CronRule, IntervalRule
from tieout.recurrence import due, parse_rule
from tieout.recurrence.missed import MOST_COUNTED
from tieout.recurrence.times import times_after

START = datetime(2026, 3, 28, 12, tzinfo=UTC)


@given(
    st.sampled_from(
        [
            IntervalRule(timedelta(minutes=7), START),
            CronRule("*/13 * * * *", "Europe/Zurich"),
            CronRule("30 2 * * *", "Europe/Zurich"),
        ]
    ),
    st.integers(-1, 4 * 86_400),
    st.integers(1, 30),
)
@settings(max_examples=100, deadline=None)
def test_what_has_passed_is_what_one_would_count(rule: IntervalRule | CronRule, behind: int, keep: int) -> None:
    times = times_after(rule, START - timedelta(seconds=1))
    first = next(times)
    now = first + timedelta(seconds=behind)
    passed = [first] if first <= now else []
    for at in times:
        if at > now:
            break
        passed.append(at)
    found = due(rule, first, now, keep=keep)
    assert (found.count, list(found.newest)) == (len(passed), passed[-keep:])


def test_years_of_minutes_are_not_counted_one_by_one() -> None:
    rule = parse_rule("cron: * * * * * UTC")
    now = START + timedelta(days=3_000)
    found = due(rule, START, now, keep=3)
    assert found.count == MOST_COUNTED  # at least so many
    assert found.newest == (now - timedelta(minutes=2), now - timedelta(minutes=1), now)
    seconds = due(IntervalRule(timedelta(seconds=1), START), START, now, keep=2)
    assert seconds.count == 3_000 * 86_400 + 1
