"""Loads companies: the built-in list, and the SEC's `company_tickers.json`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from importlib import resources
from typing import Any

from tieout.errors import InvalidInput
from tieout.model import Instrument


@cache
def built_in() -> tuple[Instrument, ...]:
    """Return the well-known US companies and funds that ship with tieout."""
    text = resources.files("pipelines.registry").joinpath("companies.json").read_text("utf-8")
    return tuple(_instrument(row) for row in json.loads(text))


def instrument_id(*, cik: str | None, ticker: str | None, name: str) -> str:
    """Return the id of an instrument: by CIK where there is one, else ticker, else name."""
    if cik:
        return f"cik:{cik}"
    return f"ticker:{ticker}" if ticker else f"name:{' '.join(name.casefold().split())}"[:256]


def read_sec_companies(data: bytes) -> list[Instrument]:
    """Return the instruments of the SEC's `company_tickers.json`, one per CIK; further tickers become names.

    Raises InvalidInput naming the first entry that does not fit.
    """
    try:
        entries = json.loads(data)
        rows: Iterable[Any] = entries.values() if isinstance(entries, dict) else entries
        found: dict[str, Instrument] = {}
        for position, row in enumerate(rows):
            try:
                cik, ticker, name = f"{int(row['cik_str']):010}", str(row["ticker"]).upper(), str(row["title"]).strip()
            except (KeyError, TypeError, ValueError) as error:
                raise InvalidInput(
                    f"entry {position} of the company list needs cik_str, ticker and title ({error})"
                ) from error
            first = found.get(cik)
            if first is None:
                found[cik] = Instrument(instrument_id(cik=cik, ticker=ticker, name=name), name, ticker, cik=cik)
            else:
                names = (*first.names, ticker)
                found[cik] = Instrument(first.id, first.name, first.ticker, names, cik)
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InvalidInput(f"the company list is not JSON ({error}); take the SEC's company_tickers.json") from error
    return list(found.values())


def _instrument(row: dict[str, Any]) -> Instrument:
    cik, ticker, name = row.get("cik"), row["ticker"], row["name"]
    return Instrument(
        id=instrument_id(cik=cik, ticker=ticker, name=name),
        name=name,
        ticker=ticker,
        names=tuple(row["names"]),
        cik=cik,
        fiscal_year_end=row.get("fiscal_year_end"),
        kind=row.get("kind", "company"),
        country="US",
    )
