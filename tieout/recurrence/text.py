"""The text form of rules, for the command line, chat and the state of record; printing a parsed rule gives it back.

cron: 0 7 * * 1-5 Europe/Zurich            at 07:00 on weekdays, as the clocks of Zurich show it
every 15m                                  from now on; printed with its anchor: every 15m from 2026-12-01T09:00:00Z
at 2026-12-01T09:00 America/New_York       once
XNYS close + 30m                           after each session, half days too; also "30 minutes after the NYSE close"
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from tieout.errors import InvalidInput
from tieout.model import CronRule, IntervalRule, MarketRule, OnceRule, Rule
from tieout.recurrence import cron, durations, zones

MAX_TEXT = 300  # characters
_EARLIEST, _LATEST = datetime(1970, 1, 2), datetime(2199, 12, 31)  # noqa: DTZ001 (compared with local times)
_MOST_OFFSET = timedelta(days=7)
_FLAGS = re.ASCII | re.IGNORECASE

_CRON = re.compile(r"cron\b.*|@\w+( .+)?|[0-9*]\S*( \S+){3,}", _FLAGS)  # the fields alone are enough
_EVERY = re.compile(rf"every\s+(?P<every>{durations.PATTERN}|[a-z]+)(?:\s+from\s+(?P<anchor>.+))?", _FLAGS)
_AT = re.compile(r"at\s+(?P<time>.+)", _FLAGS)
_CALENDAR = r"(?P<calendar>[A-Za-z0-9][\w/-]{1,31})"
_MARKET = re.compile(
    rf"{_CALENDAR}\s+(?P<moment>open|close)(?:\s*(?P<sign>[+-])\s*(?P<offset>{durations.PATTERN}))?", _FLAGS
)
_SPOKEN = re.compile(
    rf"(?P<offset>{durations.PATTERN})\s+(?P<sign>after|before)\s+(?:the\s+)?{_CALENDAR}\s+(?P<moment>open|close)",
    _FLAGS,
)
_FORMS = "Write `cron: 0 7 * * 1-5 Europe/Zurich`, `every 15m`, `at 2026-12-01T09:00 UTC` or `XNYS close + 30m`."


@lru_cache(maxsize=1024)
def parse_rule(text: str) -> Rule:
    """Return the rule that a text means. Raises InvalidInput saying which part is wrong.

    Whether a market's calendar is known is for `check_rule` to say, which loads it.
    """
    text = " ".join(text.split())
    if len(text) > MAX_TEXT:
        raise InvalidInput(f"The rule has {len(text)} characters; at most {MAX_TEXT} are allowed.")
    if found := _EVERY.fullmatch(text):
        return _interval(found)
    if found := _AT.fullmatch(text):
        local, zone = _local_time(found["time"])
        return OnceRule(local, zone)
    if found := _MARKET.fullmatch(text) or _SPOKEN.fullmatch(text):
        return _market(found)
    if _CRON.fullmatch(text):
        return _cron(text)
    raise InvalidInput(f"The rule {text[:80]!r} was not understood. {_FORMS}")


def format_rule(rule: Rule) -> str:
    """Return the text form of a rule; `parse_rule` gives the rule back."""
    match rule:
        case CronRule(expression, zone):
            return f"cron: {expression} {zone}"
        case IntervalRule(every, anchor):
            since = "" if anchor is None else f" from {anchor.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
            return f"every {durations.format_duration(every)}{since}"
        case OnceRule(local, zone):
            return f"at {local.isoformat(timespec='seconds' if local.second else 'minutes')} {zone}"
        case MarketRule(calendar, moment, offset):
            sign = "-" if offset < timedelta(0) else "+"
            return f"{calendar} {moment}" + (f" {sign} {durations.format_duration(abs(offset))}" if offset else "")


def _cron(text: str) -> CronRule:
    words = re.sub(r"^cron\s*:?\s*", "", text, flags=_FLAGS).split()
    fields = 1 if words and words[0].startswith("@") else 5
    if len(words) == fields and not _looks_like_zone(words[-1]):
        expression = cron.canonical(" ".join(words))
        raise InvalidInput(f"The rule names no time zone; write for example `cron: {expression} Europe/Zurich` or UTC.")
    expression = cron.canonical(" ".join(words[:-1]))
    return CronRule(expression, zones.zone(words[-1]).key)


def _looks_like_zone(word: str) -> bool:
    return re.fullmatch(r"[A-Za-z]{3,}(/[\w+/-]+)?", word, _FLAGS) is not None and word.upper() not in cron.NAMES


def _interval(found: re.Match[str]) -> IntervalRule:
    every = found["every"]
    duration = durations.parse_duration(every if every[0].isdigit() else f"1 {every}")
    if duration < timedelta(seconds=1):
        raise InvalidInput(f"The interval {every!r} is too short; the shortest is 1s.")
    anchor = None
    if found["anchor"]:
        local, zone = _local_time(found["anchor"])
        anchor = zones.resolve(local, zones.zone(zone))
    return IntervalRule(duration, anchor)


def _market(found: re.Match[str]) -> MarketRule:
    offset = durations.parse_duration(found["offset"]) if found["offset"] else timedelta(0)
    if offset > _MOST_OFFSET:
        raise InvalidInput(f"{found['offset']!r} is too far from a session; at most 7d.")
    back = found["sign"] is not None and found["sign"].lower() in ("-", "before")
    return MarketRule(found["calendar"], found["moment"].lower(), -offset if back else offset)


def _local_time(text: str) -> tuple[datetime, str]:
    """Return the local time and the zone of `2026-12-01T09:00 Europe/Zurich`, `2026-12-01 09:00 UTC` or `…T09:00Z`."""
    text = text.strip()
    words = text.rsplit(" ", 1)
    stamp, zone = (words[0], words[1]) if len(words) == 2 and words[1][:1].isalpha() else (text, None)
    try:
        at = datetime.fromisoformat(stamp)
    except ValueError as error:
        raise InvalidInput(f"{stamp!r} is not a date with a time; write for example 2026-12-01T09:00.") from error
    if at.tzinfo is None and zone is None:
        raise InvalidInput(
            f"The time {stamp!r} names no time zone; write for example `{stamp} Europe/Zurich` (or UTC)."
        )
    if at.tzinfo is not None and zone is not None:
        raise InvalidInput(f"The time {text!r} names its zone twice; leave one out.")
    if at.microsecond:
        raise InvalidInput(f"The time {stamp!r} is finer than a second; leave the fraction out.")
    if not _EARLIEST <= at.replace(tzinfo=None) <= _LATEST:
        raise InvalidInput(f"The year of {stamp!r} must be from 1970 to 2199.")
    if zone is None:
        return at.astimezone(UTC).replace(tzinfo=None), "UTC"
    return at, zones.zone(zone).key
