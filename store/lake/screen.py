"""Looks over the whole lake: bars that fit a filter, and one line a series with what its prices did.

Filters are part of the SQL, so that only the files, row groups and columns that they need are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import duckdb
import pyarrow as pa

from tieout.errors import InvalidInput
from tieout.ports import BarFilter, ScreenFilter

_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "python_enable_replacements": "false",
    "temp_directory": "",
}
_BAR_COLUMNS = (
    "ticker", "vendor", "adjustment", "day", "open", "high", "low", "close", "volume", "currency", "known_on"
)  # fmt: skip
SCREENED = (
    "ticker", "vendor", "adjustment", "currency", "first", "last", "sessions", "close", "total_return", "volatility",
    "max_drawdown"
)  # fmt: skip

# Closes in the window, each with the change to the one before and the highest so far, then one line a series.
_SCREEN = """
WITH days AS (
  SELECT ticker, vendor, adjustment, currency, day, close,
    ln(close / lag(close) OVER series) AS change,
    close / max(close) OVER (series ROWS UNBOUNDED PRECEDING) - 1 AS below
  FROM bars WHERE {where} AND close > 0
  WINDOW series AS (PARTITION BY ticker, vendor, adjustment ORDER BY day)),
lines AS (
  SELECT ticker, vendor, adjustment, any_value(currency) AS currency, min(day) AS first, max(day) AS last,
    count(*) AS sessions, arg_max(close, day) AS close,
    arg_max(close, day) / arg_min(close, day) - 1 AS total_return,
    stddev_samp(change) * sqrt(252) AS volatility, min(below) AS max_drawdown
  FROM days GROUP BY ticker, vendor, adjustment)
SELECT * FROM lines WHERE {having} ORDER BY {order} NULLS LAST, ticker, vendor, adjustment LIMIT $limit
"""


def find_bars(bars: Any, where: BarFilter, *, limit: int, offset: int) -> tuple[pa.Table, int]:
    """Return a page of the bars that fit, and how many fit in all. `bars` is an Arrow table or dataset."""
    conditions, parameters = _conditions(where.tickers, where.vendor, where.adjustment, where.start, where.end)
    if where.least_volume is not None:
        conditions, parameters = f"{conditions} AND volume >= $volume", {**parameters, "volume": where.least_volume}
    order = _order(where.sort, where.descending, _BAR_COLUMNS)
    counting = f"SELECT count(*) FROM bars WHERE {conditions}"
    sql = f"SELECT {', '.join(_BAR_COLUMNS)} FROM bars WHERE {conditions} "
    sql += f"ORDER BY {order} NULLS LAST, ticker, vendor, adjustment, day LIMIT $limit OFFSET $offset"
    with _over(bars) as connection:
        count = connection.sql(counting, params=parameters).fetchall()[0][0]
    with _over(bars) as connection:  # one that has answered with rows is not free for others
        rows = connection.sql(sql, params={**parameters, "limit": limit, "offset": offset}).to_arrow_table()
    return rows, int(count)


def screen(bars: Any, where: ScreenFilter, *, limit: int) -> pa.Table:
    """Return one line a series that fits, as `SCREENED`: fractions over the closes of the window.

    The volatility is the sample deviation of logarithmic changes from close to close, times the root of 252.
    """
    conditions, parameters = _conditions((), where.vendor, where.adjustment, where.start, where.end)
    limits = {
        "total_return >= $least_return": where.least_return,
        "volatility <= $most_volatility": where.most_volatility,
        "max_drawdown >= $most_drawdown": where.most_drawdown,
    }
    kept = {text: float(value) for text, value in limits.items() if value is not None}
    parameters |= {text.rpartition("$")[2]: value for text, value in kept.items()}
    having = " AND ".join(["true", *kept])
    order = _order(where.sort, where.descending, SCREENED)
    with _over(bars) as connection:
        sql = _SCREEN.format(where=conditions, having=having, order=order)
        return connection.sql(sql, params={**parameters, "limit": limit}).to_arrow_table()


def _over(bars: Any) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(":memory:", config=_CONFIG)
    connection.register("bars", bars)
    return connection


def _conditions(
    tickers: Sequence[str], vendor: str | None, adjustment: str | None, start: date | None, end: date | None
) -> tuple[str, dict[str, Any]]:
    """Return conditions with parameters; what is not given is not asked."""
    given = {
        "list_contains($tickers, ticker)": ("tickers", [ticker.upper() for ticker in tickers] or None),
        "vendor = $vendor": ("vendor", vendor),
        "adjustment = $adjustment": ("adjustment", adjustment),
        "day >= $start": ("start", start),
        "day <= $end": ("end", end),
    }
    kept = {text: pair for text, pair in given.items() if pair[1] is not None}
    return " AND ".join(["true", *kept]), dict(kept.values())


def _order(sort: str, descending: bool, columns: Sequence[str]) -> str:
    if sort not in columns:
        raise InvalidInput(f"There is no column {sort!r} to sort by; there are {', '.join(columns)}.")
    return f"{sort} {'DESC' if descending else 'ASC'}"
