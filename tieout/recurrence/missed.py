"""The planned times that have passed while nobody fired them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile

from tieout.model import IntervalRule, Rule
from tieout.recurrence.times import times_after

MOST_COUNTED = 2_000  # beyond this many the count is a lower bound: a minute rule is behind by that much in 33 hours


@dataclass(frozen=True)
class Due:
    """How many planned times have passed and the newest of them (UTC, in order)."""

    count: int
    newest: tuple[datetime, ...]


def due(rule: Rule, first: datetime, now: datetime, *, keep: int) -> Due:
    """Return the planned times from `first` (one of them) to `now`, the newest `keep` (at least one) by name."""
    if first > now:
        return Due(0, ())
    if isinstance(rule, IntervalRule):
        later = (now - first) // rule.every
        return Due(later + 1, tuple(first + one * rule.every for one in range(max(0, later + 1 - keep), later + 1)))
    newest = deque([first], maxlen=keep)
    count = 1
    for at in takewhile(lambda at: at <= now, times_after(rule, first)):
        newest.append(at)
        count += 1
        if count >= MOST_COUNTED:
            return Due(count, _newest(rule, first, now, keep))
    return Due(count, tuple(newest))


def _newest(rule: Rule, first: datetime, now: datetime, keep: int) -> tuple[datetime, ...]:
    """Return the newest planned times by looking back from `now`, twice as far each time."""
    span = timedelta(hours=1)
    while True:
        start = max(first - timedelta(seconds=1), now - span)
        found = deque(takewhile(lambda at: at <= now, times_after(rule, start)), maxlen=keep)
        if len(found) == keep or start < first:
            return tuple(found)
        span *= 2
