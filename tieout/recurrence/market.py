"""The times of an exchange's sessions, from the calendars of exchange_calendars, loaded when a rule needs them."""

from __future__ import annotations

import difflib
import importlib.util
import warnings
from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

from tieout.errors import InvalidInput, NotAvailable
from tieout.model import MarketRule

_LONGEST_CLOSURE_YEARS = 2  # no exchange has been closed for longer than months


def canonical(name: str) -> str:
    """Return the calendar's own name (`XNYS` for `nyse`). Raises InvalidInput, NotAvailable."""
    library = _library()
    known = {one.casefold(): one for one in library.get_calendar_names(include_aliases=True)}
    found = known.get(name.casefold())
    if found is None:
        near = [known[one] for one in difflib.get_close_matches(name.casefold(), known, n=3, cutoff=0.6)]
        hint = f" Did you mean {', '.join(near)}?" if near else ""
        raise InvalidInput(f"There is no market calendar {name!r}; use a code such as XNYS, XLON or XSWX.{hint}")
    return str(library.resolve_alias(found))


def next_after(rule: MarketRule, after: datetime) -> datetime | None:
    """Return the first time (UTC) later than `after`.

    Raises NotAvailable when the installed calendar does not reach that far, InvalidInput for an unknown one.
    """
    wanted = after.astimezone(UTC) - rule.offset
    for year in range(wanted.year, wanted.year + _LONGEST_CLOSURE_YEARS + 1):
        times = _moments(rule.calendar, rule.moment, year)
        if (place := bisect_right(times, wanted)) < len(times):
            return times[place] + rule.offset
    raise NotAvailable(
        f"The calendar {rule.calendar} knows no session after {wanted:%Y-%m-%d}: "
        "install a newer exchange-calendars, then resume the schedule.",
        calendar=rule.calendar,
    )


def zone_name(name: str, year: int) -> str:
    """Return the IANA time zone of the exchange, or UTC for a calendar that does not reach to the year."""
    calendar = _calendar(name, year)
    return "UTC" if calendar is None else str(calendar.tz)


@lru_cache(maxsize=64)
def _moments(name: str, moment: str, year: int) -> tuple[datetime, ...]:
    """Return when (UTC) the sessions that are dated in a year open or close, in order."""
    calendar = _calendar(name, year)
    if calendar is None:
        return ()
    times = calendar.opens if moment == "open" else calendar.closes
    return tuple(sorted(at.to_pydatetime().astimezone(UTC) for at in times if at == at))  # NaT differs from itself


@lru_cache(maxsize=64)
def _calendar(name: str, year: int) -> Any:
    """Return the calendar of a year, with a week on either side where it reaches so far; None where it does not."""
    library, name, week = _library(), canonical(name), timedelta(days=7)
    for margin in (week, timedelta(0)):
        first, last = date(year, 1, 1) - margin, date(year, 12, 31) + margin
        try:
            return library.get_calendar(name, start=first.isoformat(), end=last.isoformat())
        except (ValueError, library.errors.NoSessionsError):
            continue  # its holidays are not known to so far a day
    return None


def _library() -> Any:
    """Import exchange_calendars. Raises NotAvailable with what to install."""
    if importlib.util.find_spec("exchange_calendars") is None:
        raise NotAvailable(
            "Rules by a market's calendar need exchange-calendars: `pip install 'tieout[market]'`. "
            "Without it, a cron rule such as `cron: 30 16 * * 1-5 America/New_York` comes near, holidays aside."
        )
    import exchange_calendars

    # The library lags behind pandas; what it will have to change is not our users' business.
    warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"exchange_calendars\b")
    warnings.filterwarnings("ignore", r"Series\.values returning an ndarray", DeprecationWarning)
    return exchange_calendars
