"""Which price series answers a question, and which of its days a window really begins and ends on."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from tieout.errors import InvalidInput
from tieout.model import Principal, Series, SeriesKey
from tieout.ports import Lake

_STALE_DAYS = 7  # a last bar this long before the day asked for still stands for it (weekends, holidays)
_RANKS = {"returns": ("splits_dividends", "splits"), "levels": ("none", "splits")}


@dataclass(frozen=True)
class Choice:
    """The series that was chosen, or the reason, in words for people, why none serves."""

    series: Series | None
    reason: str = ""


@dataclass(frozen=True)
class History:
    """One series' days and closes known by `as_of`, oldest first: what windows are cut from.

    Facts are computed from the lake by SQL, never from these closes; they serve to say on which day it was.
    """

    series: Series
    as_of: date
    days: tuple[date, ...]
    closes: tuple[float, ...]

    @property
    def key(self) -> SeriesKey:
        """The series' name."""
        return self.series.key

    @property
    def pays(self) -> bool:
        """Whether its returns include dividends."""
        return self.key.adjustment == "splits_dividends"

    def on_or_before(self, day: date) -> date:
        """Return the last bar's day on or before `day`. Raises InvalidInput naming the first day there is."""
        place = bisect_right(self.days, day)
        if place == 0:
            raise InvalidInput(
                f"the prices of {self.key.ticker} begin on {words(self.days[0])}: {words(day)} is before the first bar"
            )
        return self.days[place - 1]

    def window(self, start: date | None, end: date | None) -> tuple[date, date]:
        """Return the days of the last bars on or before each date (default: the first and the last bar).

        Raises InvalidInput for a date before the first bar, and when no time passes between the two.
        """
        last = self.on_or_before(end or self.days[-1])
        first = self.days[0] if start is None else self.on_or_before(start)
        if start is not None and start > self.days[-1]:
            raise InvalidInput(
                f"the prices of {self.key.ticker} end on {words(self.days[-1])}: none is known after {words(start)}"
            )
        if first >= last:
            asked = f"{words(start or first)} to {words(end or last)}"
            raise InvalidInput(f"{self.key.ticker} has no two bars from {asked}: choose a longer window")
        return first, last

    def back(self, sessions: int, end: date, *, at_least: int | None = None) -> tuple[date, int]:
        """Return the first of the last `sessions` bars up to `end`, and how many there are.

        Raises InvalidInput when there are fewer than `at_least` (default: all of them).
        """
        last = bisect_right(self.days, end)
        count = min(sessions, last)
        if count < (sessions if at_least is None else at_least):
            raise InvalidInput(
                f"{self.key.ticker} has {last} bars up to {words(end)}: at least {at_least or sessions} are needed"
            )
        return self.days[last - count], count

    def sessions(self, start: date, end: date) -> int:
        """Return the number of bars from `start` to `end`, both included."""
        return bisect_right(self.days, end) - bisect_left(self.days, start)


def read_history(lake: Lake, principal: Principal, series: Series, as_of: date | None = None) -> History:
    """Read a series' days and closes known by `as_of` (default: its last bar).

    Raises InvalidInput when nothing was known by then.
    """
    as_of = as_of or series.last
    bars = lake.bars(principal, series.key, as_of=as_of)
    if not bars.num_rows:
        raise InvalidInput(
            f"the prices of {series.key.ticker} begin on {words(series.first)}: nothing was known on {words(as_of)}"
        )
    return History(series, as_of, tuple(bars["day"].to_pylist()), tuple(bars["close"].to_pylist()))


def common(one: History, other: History) -> tuple[History, History]:
    """Return both histories cut to the days that both have. Raises InvalidInput when the two cannot be compared."""
    if one.key.adjustment != other.key.adjustment:
        raise InvalidInput(f"{one.key} and {other.key} are adjusted differently and cannot be compared")
    if one.series.currency != other.series.currency:
        raise InvalidInput(f"{one.key} is in {one.series.currency}, {other.key} in {other.series.currency}")
    days = set(one.days) & set(other.days)
    if not days:
        raise InvalidInput(f"{one.key.ticker} and {other.key.ticker} have no day in common")
    return _cut(one, days), _cut(other, days)


def choose_series(
    all_series: Sequence[Series],
    ticker: str,
    purpose: str = "returns",
    start: date | None = None,
    end: date | None = None,
    *,
    like: SeriesKey | None = None,
) -> Choice:
    """Choose the one series of a ticker for 'returns' or 'levels', always the same for the same lake; never two.

    Returns come from prices adjusted for splits and dividends, else for splits alone; levels from unadjusted prices,
    else from those adjusted for splits, never from those that embed dividends. Among those that cover the window:
    the better adjustment, the vendor of `like`, the most rows, the name. With `like`, only its adjustment is taken,
    so that what is compared is alike.
    """
    ticker = ticker.upper()
    ranks = _RANKS[purpose]
    mine = [one for one in all_series if one.key.ticker == ticker]
    if not mine:
        return Choice(None, f"there are no prices of {ticker}: import some with `tieout market import`")
    usable = [one for one in mine if one.key.adjustment in ((like.adjustment,) if like else ranks)]
    if not usable:
        has = ", ".join(sorted({one.key.adjustment for one in mine}))
        need = "unadjusted or split-adjusted prices" if purpose == "levels" else "adjusted prices of the same kind"
        return Choice(None, f"{ticker} has only prices adjusted for {has}; this needs {need}")
    covering = [one for one in usable if _covers(one, start, end)]
    if not covering:
        held = "; ".join(f"from {words(one.first)} to {words(one.last)}" for one in usable)
        what = "price levels" if purpose == "levels" else "prices"
        return Choice(None, f"the {what} of {ticker} reach {held}, which does not cover the days asked for")
    order = {name: place for place, name in enumerate(ranks)}
    return Choice(
        min(
            covering,
            key=lambda one: (
                order.get(one.key.adjustment, len(order)),
                like is not None and one.key.vendor != like.vendor,
                -one.rows,
                str(one.key),
            ),
        )
    )


def words(day: date) -> str:
    """Write a day as "29 November 2024"."""
    return f"{day.day} {day:%B %Y}"


def _covers(series: Series, start: date | None, end: date | None) -> bool:
    reaches = end is None or series.last >= end - timedelta(days=_STALE_DAYS)
    return reaches and (start is None or series.first <= start) and (end is None or series.first <= end)


def _cut(history: History, days: set[date]) -> History:
    kept = [(day, close) for day, close in zip(history.days, history.closes, strict=True) if day in days]
    return History(history.series, history.as_of, tuple(d for d, _ in kept), tuple(c for _, c in kept))
