"""What cron rules mean, told in another way than the code tells it: by a clock on the wall that is watched each minute."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Fields:
    """The minutes, hours and days of the week (0 is Sunday) at which a rule fires, and how it says so."""

    minutes: frozenset[int]
    hours: frozenset[int]
    weekdays: frozenset[int]
    any_hour: bool  # the hour field starts with *

    @property
    def expression(self) -> str:
        """Return the five fields."""
        hours = "*" if self.any_hour else numbers(self.hours)
        return f"{numbers(self.minutes)} {hours} * * {'*' if len(self.weekdays) == 7 else numbers(self.weekdays)}"

    def match(self, local: datetime) -> bool:
        """Return whether the rule fires when the clock shows this."""
        hour = self.any_hour or local.hour in self.hours
        return hour and local.minute in self.minutes and local.isoweekday() % 7 in self.weekdays


def numbers(values: frozenset[int]) -> str:
    """Return a cron field."""
    return ",".join(str(value) for value in sorted(values))


def watched(fields: Fields, zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    """Yield the times (UTC, in [start, end]) at which the rule fires, by looking at the clock every minute.

    With any hour: whenever the clock shows what matches. With fixed hours: when the clock first reaches, or jumps
    over, what matches; what it shows for the second time it has reached before.
    """
    reached = start.astimezone(zone).replace(tzinfo=None, fold=0) - MINUTE
    at = start
    while at <= end:
        local = at.astimezone(zone).replace(tzinfo=None, fold=0)
        if fields.any_hour:
            if fields.match(local):
                yield at.astimezone(UTC)
        else:
            fresh = False
            while reached < local:
                reached += MINUTE
                fresh = fresh or fields.match(reached)
            if fresh:
                yield at.astimezone(UTC)
        at += MINUTE


def local_times(first: str, last: str) -> st.SearchStrategy[datetime]:
    """Return times without a zone between two days."""
    return st.datetimes(datetime.fromisoformat(first), datetime.fromisoformat(last))


def moments(first: str, last: str) -> st.SearchStrategy[datetime]:
    """Return times in UTC between two days."""
    return local_times(first, last).map(lambda at: at.replace(tzinfo=UTC))
