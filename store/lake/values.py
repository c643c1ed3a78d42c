"""Reads days and numbers out of a raw column strictly: what is not one is named with its line, never guessed."""

from __future__ import annotations

import re
from datetime import date, datetime

import polars as pl

from tieout.ports import RefusedRow

_NUMBER = r"^[+-]?(\d+(\.\d+)?|\.\d+)([eE][+-]?\d+)?$"
_DAY = re.compile(r"(\d{4})([-/]?)(\d{2})\2(\d{2})(?:[T ]00:00(?::00(?:\.0+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?")


class Refusals:
    """The bad rows of one file, in the order of their lines."""

    def __init__(self, file: str, rows: tuple[RefusedRow, ...] = ()) -> None:
        self._file = file
        self._rows = set(rows)

    def add(self, line: int, reason: str) -> None:
        """Record that a line is refused."""
        self._rows.add(RefusedRow(self._file, line, reason))

    @property
    def rows(self) -> tuple[RefusedRow, ...]:
        """All of them, by line."""
        return tuple(sorted(self._rows, key=lambda row: (row.line, row.reason)))


def days(column: pl.Series, lines: pl.Series, refusals: Refusals) -> pl.Series:
    """Return the column as days; null where it is none (then the line is refused)."""
    if column.dtype == pl.Date:
        result = column
    elif isinstance(column.dtype, pl.Datetime):
        result = pl.Series(column.name, [_midnight(value) for value in column], dtype=pl.Date)
    else:
        known = {text: _day(text) for text in column.cast(pl.String).unique().to_list()}
        result = pl.Series(column.name, [known[text] for text in column.cast(pl.String)], dtype=pl.Date)
    for index in result.is_null().arg_true():
        refusals.add(lines[index], f"{column.name}: {_shown(column[index])} is not a day in the form YYYY-MM-DD")
    return result


def numbers(column: pl.Series, lines: pl.Series, refusals: Refusals) -> pl.Series:
    """Return the column as float64; null where it is empty, and where it is no finite number (then refused)."""
    if column.dtype.is_numeric() or column.dtype == pl.Null:
        result = column.cast(pl.Float64)
        bad = (~result.is_finite()).fill_null(value=False)
    else:
        text = column.cast(pl.String).str.strip_chars()
        empty = text.is_null() | (text == "").fill_null(value=False)
        numeric = text.str.contains(_NUMBER).fill_null(value=False)
        result = pl.select(pl.when(numeric).then(text)).to_series().cast(pl.Float64, strict=False)
        bad = ~empty & ~(numeric & result.is_finite().fill_null(value=False))
    for index in bad.arg_true():
        refusals.add(lines[index], f"{column.name}: {_shown(column[index])} is not a number")
    return pl.select(pl.when(~bad).then(result)).to_series().alias(column.name)


def _day(text: str | None) -> date | None:
    found = _DAY.fullmatch(text.strip()) if text else None
    if found is None:
        return None
    try:
        return date(int(found[1]), int(found[3]), int(found[4]))
    except ValueError:
        return None


def _midnight(value: datetime | None) -> date | None:
    """Return the day of a daily bar's time stamp; a time within the day is no daily bar."""
    if value is None or (value.hour, value.minute, value.second, value.microsecond) != (0, 0, 0, 0):
        return None
    return value.date()


def _shown(value: object) -> str:
    if value is None or value == "":
        return "an empty cell"
    text = str(value)
    return repr(text if len(text) <= 40 else text[:37] + "…")
