"""When things happen again: rules in text form, and the times that they plan. Pure: no clock, no state.

Times that go in and come out are timezone-aware; those that come out are UTC.
"""

from __future__ import annotations

from tieout.recurrence.missed import Due, due
from tieout.recurrence.text import format_rule, parse_rule
from tieout.recurrence.times import check_rule, day_of, next_after, upcoming, zone_of

__all__ = ["Due", "check_rule", "day_of", "due", "format_rule", "next_after", "parse_rule", "upcoming", "zone_of"]
