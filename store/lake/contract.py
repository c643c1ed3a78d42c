"""Reads the price contract of each series off its rows."""

from __future__ import annotations

import polars as pl
import pyarrow as pa

from tieout.model import Series, SeriesKey


def contracts(bars: pa.Table) -> list[Series]:
    """Return one contract per series of the rows, by ticker, vendor, adjustment; `source` is the last day's."""
    frame = pl.DataFrame(pl.from_arrow(bars)).sort("day")
    found = (
        frame.group_by("ticker", "vendor", "adjustment")
        .agg(
            currency=pl.col("currency").last(),
            time_zone=pl.col("time_zone").last(),
            first=pl.col("day").first(),
            last=pl.col("day").last(),
            rows=pl.len(),
            has_ohlc=pl.all_horizontal(pl.col("open", "high", "low").is_not_null()).all(),
            has_volume=pl.col("volume").is_not_null().all(),
            source=pl.col("source").last(),
        )
        .sort("ticker", "vendor", "adjustment")
    )
    return [
        Series(SeriesKey(row.pop("ticker"), row.pop("vendor"), row.pop("adjustment")), **row)
        for row in found.iter_rows(named=True)
    ]
