"""The text form of rules: printing a rule and reading it gives it back, and what is wrong is named."""

from __future__ import annotations

from datetime import UTC, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tieout.recurrence.oracle import local_times
from tieout.errors import InvalidInput
from tieout.model import CronRule, IntervalRule, MarketRule, OnceRule, Rule
from tieout.recurrence import format_rule, parse_rule

ZONES = st.sampled_from(["UTC", "Europe/Zurich", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "Australia/Lord_Howe"])
SECONDS = st.integers(1, 300_000_000).map(lambda seconds: timedelta(seconds=seconds))
STAMPS = local_times("1970-01-03", "2199-12-30").map(lambda at: at.replace(microsecond=0))
CRON_FIELDS = st.tuples(
    st.sampled_from(["*", "*/5", "0", "0,30", "15-45", "7-59/4"]),
    st.sampled_from(["*", "*/3", "7", "9-17", "0,12"]),
    st.sampled_from(["*", "1", "L", "LW", "1-7", "*/2"]),
    st.sampled_from(["*", "JAN", "1,6,12", "*/3"]),
    st.sampled_from(["*", "MON-FRI", "1-5", "5L", "2#3", "SUN"]),
).map(" ".join)
RULES: st.SearchStrategy[Rule] = st.one_of(
    st.builds(CronRule, CRON_FIELDS, ZONES),
    st.builds(IntervalRule, SECONDS, st.none() | STAMPS.map(lambda at: at.replace(tzinfo=UTC))),
    st.builds(OnceRule, STAMPS, ZONES),
    st.builds(
        MarketRule,
        st.sampled_from(["XNYS", "XLON", "CMES", "24/7", "us_futures"]),
        st.sampled_from(["open", "close"]),
        st.integers(-600_000, 600_000).map(lambda seconds: timedelta(seconds=seconds)),
    ),
)


@given(RULES)
@settings(max_examples=500, deadline=None)
def test_a_printed_rule_is_read_back(rule: Rule) -> None:
    text = format_rule(rule)
    assert parse_rule(text) == rule
    assert format_rule(parse_rule(text)) == text


@given(st.text(max_size=60) | st.from_regex(r"(cron:?|every|at|XNYS|@)? ?[0-9a-zA-Z*/,:+# -]{0,40}", fullmatch=True))
@settings(max_examples=600, deadline=None)
def test_any_text_is_a_rule_or_is_refused(text: str) -> None:
    try:
        rule = parse_rule(text)
    except InvalidInput as error:
        assert error.message
    else:
        assert parse_rule(format_rule(rule)) == rule


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("cron: 0 7 * * 1-5 Europe/Zurich", "cron: 0 7 * * 1-5 Europe/Zurich"),
        ("  CRON 0  7 * * mon-fri europe/zurich ", "cron: 0 7 * * MON-FRI Europe/Zurich"),
        ("0 7 * * 1-5 UTC", "cron: 0 7 * * 1-5 UTC"),
        ("@daily America/New_York", "cron: 0 0 * * * America/New_York"),
        ("every 15m", "every 15m"),
        ("Every 90 minutes", "every 1h30m"),
        ("every hour", "every 1h"),
        ("every 2 weeks from 2026-12-01T09:00 Europe/Zurich", "every 14d from 2026-12-01T08:00:00Z"),
        ("at 2026-12-01T09:00 America/New_York", "at 2026-12-01T09:00 America/New_York"),
        ("at 2026-12-01 09:00:30 UTC", "at 2026-12-01T09:00:30 UTC"),
        ("at 2026-12-01T09:00+01:00", "at 2026-12-01T08:00 UTC"),
        ("XNYS close + 30m", "XNYS close + 30m"),
        ("XNYS close+0m", "XNYS close"),
        ("XLON OPEN - 1h", "XLON open - 1h"),
        ("30 minutes after the XNYS close", "XNYS close + 30m"),
        ("5 min before XSWX open", "XSWX open - 5m"),
    ],
)
def test_people_may_write_rules_as_they_speak(text: str, printed: str) -> None:
    assert format_rule(parse_rule(text)) == printed


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "not understood"),
        ("tomorrow", "not understood"),
        ("cron: 0 7 * * 1-5", "names no time zone"),
        ("0 7 * * 1-5", "names no time zone"),
        ("cron: 0 7 * * Europe/Zurich", "4 fields"),
        ("cron: 0 0 7 * * 1-5 Europe/Zurich", "six fields"),
        ("cron: 61 7 * * 1-5 Europe/Zurich", "minute"),
        ("cron: 0 7 * * 1-5 Europe/Zurych", "Did you mean Europe/Zurich"),
        ("cron: 0 7 * * 1-5 ../../etc/passwd", "no time zone"),
        ("cron: 0 7 * * 1-5 localtime", "no time zone"),
        ("every 0s", "too short"),
        ("every 5 parsecs", "parsecs"),
        ("every fortnight", "fortnight"),
        ("every 900000d", "ten years"),
        ("at noon", "not a date"),
        ("at 2026-13-01T09:00 UTC", "not a date"),
        ("at 2026-12-01T09:00", "names no time zone"),
        ("at 2026-12-01T09:00Z UTC", "twice"),
        ("at 9999-12-31T23:59 UTC", "from 1970 to 2199"),
        ("at 2026-12-01T09:00:00.5 UTC", "finer than a second"),
        ("XNYS close + 9d", "at most 7d"),
        ("cron: " + "0," * 200 + "0 7 * * * UTC", "at most 300"),
    ],
)
def test_what_is_wrong_with_a_rule_is_named(text: str, named: str) -> None:
    with pytest.raises(InvalidInput, match=named):
        parse_rule(text)
