"""Measure the lake: how fast prices come in, and what eight measures over 19 series cost beside plain NumPy.

    python benchmarks/lake.py [--quick] [--json]

Prices are the sample pack's. NumPy computes the same eight measures from arrays that are already in memory, and writes
down nothing: no SQL, no snapshot, no method, no id. The difference is what a fact that can be traced costs.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parents[1]))

from pipelines.tools.market import measures
from store.lake.lake import DeltaLake
from tieout.model import Principal
from tieout.ports import FactQuery, ImportOptions

PACK = Path(__file__).parents[1] / "tieout" / "sample_pack"
ME = Principal("benchmark", "main")
NAMES = ("total_return", "annualised_return", "volatility", "max_drawdown", "beta", "correlation", "rsi", "macd")
START = date(2005, 1, 3)
ADJUSTED = ImportOptions(vendor="pyportfolioopt", adjustment="splits_dividends")


def main() -> None:
    """Print a table, or one JSON object of name to number."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="once instead of five times")
    parser.add_argument("--json", action="store_true", help="one JSON object, name to number")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = run(Path(folder), 1 if options.quick else 5)
    if options.json:
        print(json.dumps(results))
        return
    width = max(map(len, results))
    for name, value in results.items():
        print(f"{name:<{width}}  {value:>14,.1f}")


def run(folder: Path, times: int) -> dict[str, float]:
    """Measure everything in one sitting and return the medians."""
    wide = folder / "adj_close.csv"
    pa_csv.write_csv(pq.read_table(PACK / "prices" / "adj_close_1990_2024.parquet"), wide)
    lakes = [DeltaLake(folder / f"lake{n}") for n in range(times)]
    rows = lakes[0].preview_bars(ME, wide, ADJUSTED).new  # also warms up
    imported = median([timed(lambda lake=lake: lake.import_bars(ME, wide, ADJUSTED)) for lake in lakes])
    lake = lakes[0]
    again = median([timed(lambda: lake.import_bars(ME, wide, ADJUSTED)) for _ in range(times)])
    lake.import_bars(ME, PACK / "prices" / "spy_1990_2024.parquet")
    tickers = sorted({one.key.ticker for one in lake.series(ME)} - {"SPY"})
    queries = built(lake, tickers)
    building = median([timed(lambda: built(lake, tickers)) for _ in range(times)])
    lake.compute(ME, queries)
    computing = median([timed(lambda: lake.compute(ME, queries)) for _ in range(times)])
    facts = lake.compute(ME, queries)
    bundling = median([timed(lambda: lake.rows(ME, facts)) for _ in range(times)])
    closes = arrays(tickers)
    numpy_s = median([timed(lambda: [plain(own, closes["SPY"]) for own in closes.values()]) for _ in range(times)])
    return {
        "import_rows": rows,
        "import_rows_per_s": rows / imported,
        "import_same_rows_per_s": rows / again,
        "series": len(tickers),
        "facts": len(facts),
        "build_queries_ms": building * 1e3,
        "compute_ms": computing * 1e3,
        "compute_ms_per_fact": computing * 1e3 / len(facts),
        "bundle_rows_ms": bundling * 1e3,
        "numpy_ms": numpy_s * 1e3,
    }


def built(lake: DeltaLake, tickers: list[str]) -> list[FactQuery]:
    """Return the queries of all measures over all tickers, each from START or its first bar."""
    first = {one.key.ticker: one.first for one in lake.series(ME)}
    return [
        query
        for ticker in tickers
        for query in measures(lake, ME, ticker, NAMES, start=max(START, first[ticker])).queries
    ]


def arrays(tickers: list[str]) -> dict[str, np.ndarray]:
    """Return each ticker's closes from START, and SPY's."""
    found = {}
    for name in ("adj_close_1990_2024", "spy_1990_2024"):
        table = pq.read_table(PACK / "prices" / f"{name}.parquet")
        kept = np.array(table["date"].to_pylist()) >= START
        for ticker in {*tickers, "SPY"} & set(table.column_names):
            column = table[ticker].to_numpy()[kept]
            found[ticker] = column[~np.isnan(column)]
    return found


def plain(own: np.ndarray, spy: np.ndarray) -> tuple[float, ...]:
    """Compute the eight measures (MACD as three numbers) with NumPy and two plain loops."""
    growth = own[-1] / own[0]
    simple = own[1:] / own[:-1] - 1
    other = (spy[1:] / spy[:-1] - 1)[-len(simple) :]
    covariance = np.cov(simple, other, ddof=1)
    fast = slow = own[-500]
    signal = gain = loss = 0.0
    for close in own[-499:]:
        fast, slow = fast + (close - fast) * 2 / 13, slow + (close - slow) * 2 / 27
        signal += (fast / slow - 1 - signal) * 0.2
    moves = np.diff(own[-500:])
    gain, loss = np.maximum(moves[:14], 0).mean(), np.maximum(-moves[:14], 0).mean()
    for move in moves[14:]:
        gain, loss = (gain * 13 + max(move, 0.0)) / 14, (loss * 13 + max(-move, 0.0)) / 14
    return (
        growth - 1,
        growth ** (252 / len(simple)) - 1,
        float(np.std(np.log1p(simple), ddof=1) * np.sqrt(252)),
        float((own / np.maximum.accumulate(own) - 1).min()),
        covariance[0, 1] / covariance[1, 1],
        covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1]),
        100 * gain / (gain + loss),
        fast / slow - 1,
        signal,
        fast / slow - 1 - signal,
    )


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that the work takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def median(values: list[float]) -> float:
    """Return the median."""
    return float(np.median(values))


if __name__ == "__main__":
    main()
