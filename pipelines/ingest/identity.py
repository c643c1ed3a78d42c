"""Decides which company and period a file is about: the text first, then the registry, then the file's name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from pipelines.ingest.dates import fiscal_quarter_of, fiscal_year_of
from pipelines.ingest.recognise import Cover, hints_of
from tieout.model import Instrument

_ANNUAL = ("10-K", "10-KT", "20-F", "40-F")


class Companies(Protocol):
    """What identification needs of a registry."""

    def exact(self, reference: str) -> list[Instrument]:
        """Return the instruments that an id, ticker, CIK or whole name means."""
        ...

    def squashed(self, text: str) -> Instrument | None:
        """Return the instrument that a file name's word means."""
        ...

    def mentioned(self, text: str) -> list[Instrument]:
        """Return the instruments that a text names."""
        ...


@dataclass(frozen=True)
class Identity:
    """What a document is. `fresh` says that the registry does not know the instrument yet."""

    instrument: Instrument | None = None
    fresh: bool = False
    form: str | None = None
    fiscal_year: int | None = None
    fiscal_quarter: int | None = None
    period_end: date | None = None
    filed_on: date | None = None


def identify(name: str, cover: Cover, companies: Companies) -> Identity:
    """Return the identity of a file called `name` whose text says `cover`."""
    hinted_form, hinted_year, hinted_quarter = hints_of(name)
    form = cover.form or hinted_form
    instrument, fresh = _company(name, cover, companies)
    year, quarter = hinted_year, hinted_quarter
    end = cover.period_end
    if end is not None:
        plain = (form or "").removesuffix("/A")
        if plain in _ANNUAL:
            year, quarter = fiscal_year_of(end, cover.sample), None
        elif plain == "10-Q":
            year, quarter = fiscal_quarter_of(end, cover.sample, instrument.fiscal_year_end if instrument else None)
        elif hinted_year is None:
            year = end.year
    if fresh and instrument is not None and end is not None and form in _ANNUAL:
        instrument = Instrument(
            instrument.id, instrument.name, instrument.ticker, fiscal_year_end=f"{end.month:02}-{end.day:02}"
        )
    return Identity(instrument, fresh, form, year, quarter, end, cover.signed_on)


def _company(name: str, cover: Cover, companies: Companies) -> tuple[Instrument | None, bool]:
    for reference in (cover.registrant, cover.symbol):
        found = companies.exact(reference) if reference else []
        if len(found) == 1:
            return found[0], False
    if cover.registrant:
        from pipelines.registry.catalog import instrument_id

        key = instrument_id(cik=None, ticker=cover.symbol, name=cover.registrant)
        return Instrument(key, _title(cover.registrant), cover.symbol), True
    if hinted := _from_name(name, companies):
        return hinted, False
    mentioned = companies.mentioned(cover.opening[:1_500])
    return (mentioned[0], False) if len(mentioned) == 1 else (None, False)


def _from_name(name: str, companies: Companies) -> Instrument | None:
    words = [word for word in re.split(r"[\s_.\-–]+", name.rsplit(".", 1)[0]) if word]
    for length in range(min(4, len(words)), 0, -1):
        if found := companies.squashed("".join(words[:length])):
            return found
    for word in words[:2]:
        if word.isupper() and 2 <= len(word) <= 5 and len(found_all := companies.exact(word)) == 1:
            return found_all[0]
    return None


def _title(name: str) -> str:
    """Return an all-capitals name in title case; others as they are."""
    if not name.isupper():
        return name
    return " ".join(word if len(word) <= 3 and "." not in word else word.capitalize() for word in name.split())
