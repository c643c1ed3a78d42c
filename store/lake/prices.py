"""Turns a price file into rows of `bars`, each checked: what breaks a price's rules is refused with its line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from store.lake.layout import Layout, detect, is_ticker
from store.lake.reader import RawTable, read_raw
from store.lake.schema import BARS
from store.lake.values import Refusals, days, numbers
from tieout.errors import RefusedFile
from tieout.ports import ImportOptions, RefusedRow

_KEY = ["ticker", "adjustment", "day"]
_PRICES = ("open", "high", "low", "close")
_NUMBERS = (*_PRICES, "volume")
_TOLERANCE = 1e-6  # relative and absolute: prices printed with six decimals round their own bounds
_OUTSIDE = pl.col("close") * _TOLERANCE + _TOLERANCE
_RULES: tuple[tuple[pl.Expr, pl.Expr], ...] = (
    *(
        (pl.col(name) <= 0, pl.format(f"{name}: {{}} is not a positive price", pl.col(name)))
        for name in _PRICES
    ),
    (pl.col("volume") < 0, pl.format("volume: {} is negative", pl.col("volume"))),
    (pl.col("high") < pl.col("low"), pl.format("high {} is below low {}", pl.col("high"), pl.col("low"))),
    (
        pl.col("close") > pl.col("high") + _OUTSIDE,
        pl.format("close {} is above high {}", pl.col("close"), pl.col("high")),
    ),
    (
        pl.col("close") < pl.col("low") - _OUTSIDE,
        pl.format("close {} is below low {}", pl.col("close"), pl.col("low")),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class PriceFile:
    """A file as understood: its rows in the columns of `bars`, sorted by series and day, and its bad rows."""

    name: str
    layout: Layout
    bars: pl.DataFrame
    refused: tuple[RefusedRow, ...]


def read_prices(path: Path, options: ImportOptions, today: date) -> PriceFile:
    """Read and check a file; changes nothing. Raises NotFound, RefusedFile or InvalidInput for the file as a whole."""
    raw = read_raw(path)
    layout = detect(raw, options)
    refusals = Refusals(raw.name, raw.refused)
    frame = pl.concat(list(_frames(raw, layout, refusals)))
    known_on = options.known_on
    frame = frame.with_columns(known_on=pl.lit(known_on, dtype=pl.Date)) if known_on else frame
    _check(frame, today, refusals)
    if frame.is_empty() and not refusals.rows:
        raise RefusedFile(f"{raw.name} holds no prices")
    bars = frame.unique([*_KEY], keep="first", maintain_order=True).with_columns(
        vendor=pl.lit(layout.vendor),
        currency=pl.col("currency").fill_null(layout.currency),
        time_zone=pl.lit(layout.time_zone),
        known_on=pl.col("known_on").fill_null(pl.col("day")),
        source=pl.lit(raw.name),
    )
    return PriceFile(raw.name, layout, bars.select(BARS.names).sort("ticker", "adjustment", "day"), refusals.rows)


def _frames(raw: RawTable, layout: Layout, refusals: Refusals) -> Iterator[pl.DataFrame]:
    day = days(_column(raw, layout.roles["date"]), raw.lines, refusals)
    if layout.kind == "wide":
        for ticker, column in layout.tickers.items():
            close = numbers(_column(raw, column), raw.lines, refusals)
            filled = close.is_not_null() & day.is_not_null()  # an empty cell is a day without a bar
            yield _frame(raw, day, {"close": close}, ticker, layout.close).filter(filled)
        return
    whose: str | pl.Series = layout.ticker or _tickers(raw, layout, refusals)
    values = {
        role: numbers(_column(raw, layout.roles[role]), raw.lines, refusals)
        for role in (*_NUMBERS, "adj_close")
        if role in layout.roles
    }
    extra: dict[str, pl.Series] = {}
    if "currency" in layout.roles:
        extra["currency"] = _currencies(raw, layout, refusals)
    if "known_on" in layout.roles:
        extra["known_on"] = days(_column(raw, layout.roles["known_on"]), raw.lines, refusals)
    adjusted = values.pop("adj_close", None)
    for prices, adjustment in ((values, layout.close), ({"close": adjusted}, layout.adj_close)):
        if adjustment is not None:
            series = {name: column for name, column in prices.items() if column is not None}
            _refuse_missing(raw, series["close"], refusals)
            usable = series["close"].is_not_null() & day.is_not_null()
            yield _frame(raw, day, {**series, **extra}, whose, adjustment).filter(usable)


def _frame(
    raw: RawTable, day: pl.Series, values: dict[str, pl.Series], ticker: str | pl.Series, adjustment: str | None
) -> pl.DataFrame:
    held = {"day": day, "line": raw.lines} | {name: column.alias(name) for name, column in values.items()}
    frame = pl.DataFrame(held)
    types = dict.fromkeys(_NUMBERS, pl.Float64()) | {"currency": pl.String(), "known_on": pl.Date()}
    missing = [pl.lit(None, dtype=kind).alias(name) for name, kind in types.items() if name not in held]
    named = pl.lit(ticker) if isinstance(ticker, str) else ticker
    frame = frame.with_columns(*missing, ticker=named, adjustment=pl.lit(adjustment))
    return frame.filter(pl.col("ticker").is_not_null()).select(
        "ticker", "adjustment", "day", *_NUMBERS, "currency", "known_on", "line"
    )


def _tickers(raw: RawTable, layout: Layout, refusals: Refusals) -> pl.Series:
    column = _column(raw, layout.roles["ticker"]).cast(pl.String).str.strip_chars().str.to_uppercase()
    bad = {text for text in column.unique().to_list() if text is None or not is_ticker(text)}
    for index in column.is_in(list(bad), nulls_equal=True).arg_true() if bad else ():
        refusals.add(raw.lines[index], f"{str(column[index])[:40]!r} is not a ticker")
    return column


def _currencies(raw: RawTable, layout: Layout, refusals: Refusals) -> pl.Series:
    column = _column(raw, layout.roles["currency"]).cast(pl.String).str.strip_chars()
    bad = ~column.str.contains("^[A-Z]{3}$").fill_null(value=False)
    for index in bad.arg_true():
        refusals.add(raw.lines[index], f"{str(column[index])[:40]!r} is not a currency code")
    return column


def _refuse_missing(raw: RawTable, close: pl.Series, refusals: Refusals) -> None:
    complained = {row.line for row in refusals.rows}
    for index in close.is_null().arg_true():
        if raw.lines[index] not in complained:
            refusals.add(raw.lines[index], f"there is no {close.name}")


def _check(frame: pl.DataFrame, today: date, refusals: Refusals) -> None:
    rules = [
        *_RULES,
        (pl.col("day") > today, pl.format("{} lies in the future", pl.col("day"))),
        (
            pl.col("known_on") < pl.col("day"),
            pl.format("the bar of {} cannot have been known on {}", pl.col("day"), pl.col("known_on")),
        ),
        (
            pl.struct("currency").n_unique().over("ticker", "adjustment") > 1,
            pl.format("{} is given in more than one currency", pl.col("ticker")),
        ),
    ]
    for broken, reason in rules:
        for line, text in frame.filter(broken).select("line", reason=reason).iter_rows():
            refusals.add(line, text)
    for row in _contradictions(frame).iter_rows(named=True):
        refusals.add(row["line"], f"{row['ticker']} on {row['day']} has other values than on line {row['first']}")


def _contradictions(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the lines that give a day of a series a second time with other values than the first time."""
    again = frame.filter(pl.len().over(_KEY) > 1)
    values = pl.struct(*_NUMBERS)
    return again.with_columns(first=pl.col("line").first().over(_KEY), was=values.first().over(_KEY)).filter(
        values.ne_missing(pl.col("was"))
    )


def _column(raw: RawTable, name: str) -> pl.Series:
    return raw.columns[raw.header.index(name)]
