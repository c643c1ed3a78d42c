"""The times that any rule plans, one after another, and the day that a time belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import lru_cache

from tieout.errors import InvalidInput
from tieout.model import CronRule, IntervalRule, MarketRule, OnceRule, Rule
from tieout.recurrence import cron, market, zones

MAX_PREVIEW = 1_000


@lru_cache(maxsize=4096)  # a scheduler asks for the time after the next one before that comes
def next_after(rule: Rule, after: datetime) -> datetime | None:
    """Return the first planned time (UTC) later than `after`, or None when the rule has no more.

    Raises NotAvailable when a market's calendar is not installed or does not reach so far.
    """
    match rule:
        case CronRule():
            return cron.next_after(rule, after)
        case IntervalRule(every, anchor):
            if anchor is None:
                raise ValueError("an interval without an anchor plans nothing; check_rule gives it one")
            after, anchor = after.astimezone(UTC), anchor.astimezone(UTC)
            return anchor if after < anchor else anchor + ((after - anchor) // every + 1) * every
        case OnceRule(local, zone):
            at = zones.resolve(local, zones.zone(zone))
            return at if at > after else None
        case MarketRule():
            return market.next_after(rule, after)


def times_after(rule: Rule, after: datetime) -> Iterator[datetime]:
    """Yield the planned times (UTC) later than `after`, in order, for ever or until the rule has no more."""
    at = next_after(rule, after)
    while at is not None:
        yield at
        at = next_after(rule, at)


def upcoming(rule: Rule, after: datetime, count: int) -> list[datetime]:
    """Return the next `count` planned times (UTC), fewer when the rule has no more. Raises InvalidInput."""
    if not 1 <= count <= MAX_PREVIEW:
        raise InvalidInput(f"The number of times must be from 1 to {MAX_PREVIEW}, not {count}.")
    return [at for at, _ in zip(times_after(rule, after), range(count), strict=False)]


def check_rule(rule: Rule, now: datetime) -> Rule:
    """Return the rule ready for use from `now` on: an interval has its anchor, a calendar its own name.

    Raises InvalidInput when the rule plans nothing later than `now`, NotAvailable without its calendar.
    """
    if isinstance(rule, IntervalRule) and rule.anchor is None:
        rule = replace(rule, anchor=now.astimezone(UTC).replace(microsecond=0))
    if isinstance(rule, MarketRule):
        rule = replace(rule, calendar=market.canonical(rule.calendar))
    if next_after(rule, now) is None:
        when = "is in the past" if isinstance(rule, OnceRule) else "plans no time at all"
        raise InvalidInput(f"The rule {when}; give one with a time after {now.astimezone(UTC):%Y-%m-%d %H:%M} UTC.")
    return rule


def zone_of(rule: Rule, at: datetime) -> str:
    """Return the name of the time zone in which the rule's times are meant."""
    match rule:
        case CronRule(zone=zone) | OnceRule(zone=zone):
            return zone
        case MarketRule(calendar=calendar):
            return market.zone_name(calendar, at.astimezone(UTC).year)
        case IntervalRule():
            return "UTC"


def day_of(rule: Rule, at: datetime) -> date:
    """Return the day of a planned time in the rule's time zone."""
    return at.astimezone(zones.zone(zone_of(rule, at))).date()
