"""Charts of prices: series rebased to 100 on one first day, so that different stocks can share an axis."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from pipelines.tools.market_history import History, words
from tieout.errors import InvalidInput
from tieout.model import Chart


def price_chart_sql(
    histories: Sequence[History], start: date | None = None, end: date | None = None
) -> tuple[str, dict[str, Any]]:
    """Return SQL and parameters for `day` and one column per ticker, each 100 on its first day of the window.

    Raises InvalidInput when the histories are adjusted differently, repeat a ticker, or do not reach the window.
    """
    if len({one.key.adjustment for one in histories}) != 1:
        raise InvalidInput("a chart shows series of one adjustment: they cannot be compared otherwise")
    if len({one.key.ticker for one in histories}) != len(histories):
        raise InvalidInput("a chart shows each ticker once")
    windows = [one.window(start, end) for one in histories]
    parameters: dict[str, Any] = {
        "adjustment": histories[0].key.adjustment,
        "start": max(first for first, _ in windows).isoformat(),
        "end": max(last for _, last in windows).isoformat(),
        "as_of": max(one.as_of for one in histories).isoformat(),
    }
    for place, one in enumerate(histories, 1):
        parameters |= {f"ticker_{place}": one.key.ticker, f"vendor_{place}": one.key.vendor}
    places = range(1, len(histories) + 1)
    mine = " OR ".join(f"(ticker = $ticker_{place} AND vendor = $vendor_{place})" for place in places)
    columns = ", ".join(
        f'max(rebased) FILTER (WHERE ticker = $ticker_{place}) AS "{one.key.ticker}"'
        for place, one in enumerate(histories, 1)
    )
    sql = (
        "WITH paths AS (SELECT ticker, day, 100 * close / first_value(close) OVER (PARTITION BY ticker ORDER BY day)"
        f" AS rebased FROM bars WHERE ({mine}) AND adjustment = $adjustment"
        " AND day BETWEEN CAST($start AS DATE) AND CAST($end AS DATE) AND known_on <= CAST($as_of AS DATE))"
        f" SELECT day, {columns} FROM paths GROUP BY day ORDER BY day"
    )
    return sql, parameters


def price_chart(histories: Sequence[History], start: date | None = None, end: date | None = None) -> Chart:
    """Return the line chart of the histories rebased to 100. Raises InvalidInput as `price_chart_sql`."""
    sql, parameters = price_chart_sql(histories, start, end)
    names = ", ".join(one.key.ticker for one in histories)
    kind = "splits and dividends" if histories[0].pays else "splits" if "splits" in histories[0].key.adjustment else ""
    return Chart(
        id="prices_" + "_".join("".join(c for c in one.key.ticker.lower() if c.isalnum()) for one in histories),
        title=f"{names} since {words(date.fromisoformat(parameters['start']))}",
        kind="line",
        sql=sql,
        unit="index",
        parameters=parameters,
        note=f"First day = 100; {f'closes adjusted for {kind}' if kind else 'unadjusted closes'}.",
    )
