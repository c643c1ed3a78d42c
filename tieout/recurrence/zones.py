"""Time zones by name, and what a local time means where the clock skips it or shows it twice."""

from __future__ import annotations

import difflib
import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from tieout.errors import InvalidInput

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+/-]{0,63}", re.ASCII)
_OF_THIS_MACHINE = {"localtime", "Factory", "posixrules"}  # mean something else elsewhere
_MINUTE = timedelta(minutes=1)


@lru_cache(maxsize=256)
def zone(name: str) -> ZoneInfo:
    """Return the IANA time zone, in any case of letters. Raises InvalidInput with names that come near."""
    if _NAME.fullmatch(name) and name not in _OF_THIS_MACHINE:
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            pass
    known = {one.casefold(): one for one in available_timezones() - _OF_THIS_MACHINE}
    if (found := known.get(name.casefold())) is not None:
        return ZoneInfo(found)
    near = difflib.get_close_matches(name.casefold(), known, n=3, cutoff=0.6)
    hint = f" Did you mean {', '.join(known[one] for one in near)}?" if near else ""
    raise InvalidInput(f"There is no time zone {name!r}; use an IANA name such as Europe/Zurich.{hint}")


def instants(local: datetime, where: ZoneInfo) -> list[datetime]:
    """Return when (UTC) the clocks show a local time: once, twice where they are put back, never where they skip it."""
    found = []
    for fold in (0, 1):
        at = local.replace(tzinfo=where, fold=fold).astimezone(UTC)
        if at.astimezone(where).replace(tzinfo=None, fold=0) == local and at not in found:
            found.append(at)
    return sorted(found)


def resolve(local: datetime, where: ZoneInfo) -> datetime:
    """Return when (UTC) a local time comes: the first time where it comes twice.

    One that the clock skips comes at the first whole minute after the gap.
    """
    local = local.replace(fold=0)
    while not (found := instants(local, where)):
        local = local.replace(second=0, microsecond=0) + _MINUTE  # a gap lasts a day at the most
    return found[0]
