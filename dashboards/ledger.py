"""What a page tells of ledgers: a number in its sentence, and what changed between two reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from typing import Any

Ledger = Mapping[str, Any]  # as `ledger.json` has it


@dataclass(frozen=True)
class Moved:
    """A computed number that two reports have differently, or that only one of them has."""

    name: str
    instrument: str
    before: str
    after: str
    change: str
    what: str


@dataclass(frozen=True)
class Compared:
    """What changed from one report to another."""

    same: int
    numbers: tuple[Moved, ...]
    added: tuple[str, ...]  # sentences
    removed: tuple[str, ...]


def label(index: int, number: Mapping[str, Any]) -> str:
    """Return how a number is called in a list of choices."""
    return f"{index}: {number['text']} ({number['status']})"


def statement(index: int, claim: Mapping[str, Any], number: Mapping[str, Any]) -> str:
    """Return a number in its sentence, marked, with how it stands."""
    before, found, after = str(claim["text"]).partition(number["text"])
    marked = f"{escape(before)}<mark>{escape(found)}</mark>{escape(after)}" if found else escape(claim["text"])
    status = escape(number["status"])
    return f'<h3>Number {index}: <span class="{status}">{status}</span></h3><blockquote>{marked}</blockquote>'


def compare(before: Ledger, after: Ledger) -> Compared:
    """Return what changed: facts of the same name, company and period, and the sentences."""
    old, new = _facts(before), _facts(after)
    moved = [_moved(old.get(key), new.get(key)) for key in dict.fromkeys((*new, *old))]
    numbers = tuple(one for one in moved if one is not None)
    was, now = _sentences(before), _sentences(after)
    added = tuple(one for one in now if one not in was)
    removed = tuple(one for one in was if one not in now)
    return Compared(len(moved) - len(numbers), numbers, added, removed)


def _facts(ledger: Ledger) -> dict[tuple[object, ...], Mapping[str, Any]]:
    found: dict[tuple[object, ...], Mapping[str, Any]] = {}
    for fact in ledger["facts"]:
        period = fact["period"] or {}
        about = fact["name"], fact["instrument"], fact["unit"], period.get("kind"), period.get("fiscal_year")
        found[
            (*about, period.get("fiscal_quarter"), period.get("label") if not period.get("fiscal_year") else None)
        ] = fact
    return found


def _sentences(ledger: Ledger) -> dict[str, None]:
    return {claim["text"]: None for claim in ledger["claims"] if claim["text"]}


def _moved(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Moved | None:
    about = new or old
    assert about is not None
    name, instrument = str(about["name"]), str(about["instrument"] or "")
    if old is None or new is None:
        was, now = (old or {}).get("display", ""), (new or {}).get("display", "")
        return Moved(name, instrument, str(was), str(now), "", "new" if old is None else "gone")
    one, other = Decimal(old["value"]), Decimal(new["value"])
    if one == other:
        return None
    share = f" ({(other / one - 1) * 100:+.2f} %)" if one else ""
    return Moved(name, instrument, old["display"], new["display"], f"{other - one:+f}{share}", "moved")
