"""Durations as people write them ("15m", "1 h 30 min", "2 days") and their one short form."""

from __future__ import annotations

import re
from datetime import timedelta

from tieout.errors import InvalidInput

_SECONDS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_UNITS = {
    **dict.fromkeys(("w", "week", "weeks"), "w"),
    **dict.fromkeys(("d", "day", "days"), "d"),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), "h"),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), "m"),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "s"),
}
_PART = r"[0-9]{1,9}\s*[a-z]+"
PATTERN = rf"{_PART}(?:\s*{_PART})*"  # to be matched in lower case
LONGEST = timedelta(days=3_660)


def parse_duration(text: str) -> timedelta:
    """Return the sum of the parts of a duration in whole seconds. Raises InvalidInput."""
    lower = text.strip().lower()
    if not re.fullmatch(PATTERN, lower, re.ASCII):
        raise InvalidInput(f"{text!r} is not a duration; write for example 30s, 15m, 2h, 1h30m or 7d.")
    seconds = 0
    for number, unit in re.findall(r"([0-9]+)\s*([a-z]+)", lower, re.ASCII):
        if unit not in _UNITS:
            raise InvalidInput(f"{unit!r} is not a unit of time; use s, m, h, d or w (in {text!r}).")
        seconds += int(number) * _SECONDS[_UNITS[unit]]
    if seconds > LONGEST.total_seconds():
        raise InvalidInput(f"{text!r} is longer than ten years.")
    return timedelta(seconds=seconds)


def format_duration(duration: timedelta) -> str:
    """Return the short form of a duration of whole seconds: 5,400 s is `1h30m`, 0 is `0s`."""
    left, text = round(duration.total_seconds()), ""
    for unit in "dhms":  # weeks read better as days
        count, left = divmod(left, _SECONDS[unit])
        text += f"{count}{unit}" if count else ""
    return text or "0s"
