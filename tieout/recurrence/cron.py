"""The times of a cron expression in a time zone, with daylight-saving rules that never lose or double a fixed time.

cronsim parses the fields and matches days (`L`, `LW`, `5#3`, names; a day field that starts with `*` must match beside
the other, else either does). The clock changes are handled here, because cronsim forgets which of two equal local times
it has come from, and misses repeated times where clocks move by half an hour (Australia/Lord_Howe):

- Fixed hours (the hour field does not start with `*`) are local times: one that the clock skips fires once, at the
  first minute after the gap (several skipped ones together); one that it shows twice fires the first time only.
- Any hour (`*` or `*/n`) follows elapsed time: it fires at each minute whose local time matches, so twice where the
  clock shows it twice and not at all where the clock skips it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from tieout.errors import InvalidInput
from tieout.model import CronRule
from tieout.recurrence.zones import instants, resolve, zone

if TYPE_CHECKING:
    from cronsim import CronSim

_MACROS = {
    "@YEARLY": "0 0 1 1 *",
    "@ANNUALLY": "0 0 1 1 *",
    "@MONTHLY": "0 0 1 * *",
    "@WEEKLY": "0 0 * * 0",
    "@DAILY": "0 0 * * *",
    "@MIDNIGHT": "0 0 * * *",
    "@HOURLY": "0 * * * *",
}
NAMES = frozenset("SUN MON TUE WED THU FRI SAT JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split())
_DAY = timedelta(days=1)
_HORIZON_YEARS = 50  # "29 February on a Monday" comes every 28 years
_LAST_YEAR = 9990


def canonical(expression: str) -> str:
    """Return the five fields in upper case with single spaces, macros (`@daily`) spelled out. Raises InvalidInput."""
    expression = " ".join(expression.upper().split())
    expression = _MACROS.get(expression, expression)
    _parsed(expression)
    return expression


def next_after(rule: CronRule, after: datetime) -> datetime | None:
    """Return the first time (UTC) later than `after`, or None when there is none in 50 years."""
    fields, where = _parsed(rule.expression), zone(rule.zone)
    today = after.astimezone(where).date()
    # Clocks put back across midnight show a day again after the next one has begun: start early, look one day ahead.
    for day in _days(fields, today - _DAY):
        if _turns(where, day):
            times = (*_of_day(fields, where, day), *_of_day(fields, where, day + _DAY))
            found = min((at for at in times if at > after), default=None)
        else:
            found = None if day < today else next(_plain_day(fields, where, day, after), None)
        if found is not None:
            return found
    return None


@lru_cache(maxsize=1024)
def _parsed(expression: str) -> CronSim:
    from cronsim import CronSim, CronSimError

    parts = expression.split()
    if len(parts) == 6:
        raise InvalidInput(
            f"The cron expression {expression!r} has six fields; for seconds use a rule like `every 30s`."
        )
    if len(parts) != 5:
        raise InvalidInput(
            f"The cron expression {expression!r} has {len(parts)} fields; it needs five: "
            "minute hour day-of-month month day-of-week, such as `0 7 * * 1-5`."
        )
    try:
        return CronSim(expression, datetime(2000, 1, 1, tzinfo=UTC))
    except (CronSimError, ValueError, TypeError, AssertionError) as error:
        raise InvalidInput(
            f"The cron expression {expression!r} cannot be read: {error or 'a field is wrong'}."
        ) from error


def _days(fields: CronSim, first: date) -> Iterator[date]:
    """Yield the days that match from `first` on, skipping months that do not."""
    day, last_year = first, min(first.year + _HORIZON_YEARS, _LAST_YEAR)
    while day.year <= last_year:
        if day.month not in fields.months:
            day = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
            continue
        if fields.match_day(day):
            yield day
        day += _DAY


def _plain_day(fields: CronSim, where: ZoneInfo, day: date, after: datetime) -> Iterator[datetime]:
    """Yield the times (UTC) later than `after` of a matching day on which the clocks do not change, in order."""
    midnight = datetime.combine(day, time(), tzinfo=where).astimezone(UTC)
    for hour in sorted(fields.hours):
        if midnight + timedelta(hours=hour + 1) > after:
            times = (midnight + timedelta(hours=hour, minutes=minute) for minute in sorted(fields.minutes))
            yield from (at for at in times if at > after)


def _of_day(fields: CronSim, where: ZoneInfo, day: date) -> Iterator[datetime]:
    """Yield the times (UTC) of any day by what the clock shows, not always in order; none when it does not match."""
    if day.month not in fields.months or not fields.match_day(day):
        return
    fixed = not fields.parts[2].startswith("*")
    for hour in sorted(fields.hours):
        for minute in sorted(fields.minutes):
            local = datetime.combine(day, time(hour, minute))
            if fixed:
                yield resolve(local, where)
            else:
                yield from instants(local, where)


def _turns(where: ZoneInfo, day: date) -> bool:
    """Return whether the clocks may change within a day of `day`."""
    midnights = (datetime.combine(day + days * _DAY, time(), tzinfo=where) for days in (-1, 0, 1, 2, 3))
    return len({midnight.utcoffset() for midnight in midnights}) > 1
