"""What charts show of prices: indicators over time, and series beside each other.

Returns are simple changes from close to close. Series are compared on the days that all of them have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl
import pyarrow as pa

CANDLES = 500  # that are drawn at most; longer histories are joined into wider ones
RSI_SESSIONS = 14
FAST, SLOW, SIGNAL = 12, 26, 9


def frame(bars: pa.Table) -> pl.DataFrame:
    """Return bars as a frame by day; a series of closes alone gets candles without a body."""
    found = pl.DataFrame(pl.from_arrow(bars)).sort("day")
    return found.with_columns(
        open=pl.coalesce("open", "close"), high=pl.coalesce("high", "close"), low=pl.coalesce("low", "close")
    )


def with_indicators(bars: pl.DataFrame) -> pl.DataFrame:
    """Add `sma_50`, `sma_200`, `rsi`, `macd`, `signal` and `histogram` of the closes, null where there is too little.

    Simple means; Wilder's RSI over 14 sessions, whose averages begin with a simple mean (New Concepts in Technical
    Trading Systems, 1978); MACD (12, 26, 9) in percent of the slow average, exponential averages from the first close.
    """
    fast, slow = _ema("close", FAST), _ema("close", SLOW)
    return bars.with_columns(
        sma_50=pl.col("close").rolling_mean(50),
        sma_200=pl.col("close").rolling_mean(200),
        rsi=_rsi(bars["close"]),
        macd=(fast / slow - 1) * 100,
    ).with_columns(signal=_ema("macd", SIGNAL)).with_columns(histogram=pl.col("macd") - pl.col("signal"))  # fmt: skip


def _ema(column: str, sessions: int) -> pl.Expr:
    return pl.col(column).ewm_mean(span=sessions, adjust=False)


def _rsi(closes: pl.Series, sessions: int = RSI_SESSIONS) -> pl.Series:
    moves = closes.diff().drop_nulls()
    if len(moves) < sessions:
        return pl.Series("rsi", [None] * len(closes), dtype=pl.Float64)
    ups, downs = moves.clip(lower_bound=0.0), (-moves).clip(lower_bound=0.0)
    # Wilder's smoothing is an exponential mean of weight 1/n that starts from the simple mean of the first n.
    averages = [
        pl.concat([pl.Series([side[:sessions].mean()], dtype=pl.Float64), side[sessions:]]).ewm_mean(
            alpha=1 / sessions, adjust=False
        )
        for side in (ups, downs)
    ]
    whole = averages[0] + averages[1]
    rsi = pl.Series([100 * up / all_ if all_ else None for up, all_ in zip(averages[0], whole, strict=True)])
    return pl.concat([pl.Series([None] * sessions, dtype=pl.Float64), rsi.cast(pl.Float64)]).rename("rsi")


def candles(bars: pl.DataFrame, most: int = CANDLES) -> tuple[pl.DataFrame, int]:
    """Return at most so many candles, and how many sessions each joins: first open, highest, lowest, last close, sum
    of volume; of every other column the last value.
    """
    sessions = max(1, -(-bars.height // most))
    if sessions == 1:
        return bars, 1
    others = [name for name in bars.columns if name not in ("open", "high", "low", "volume")]
    joined = (
        bars.with_row_index("bucket")
        .with_columns(pl.col("bucket") // sessions)
        .group_by("bucket", maintain_order=True)
        .agg(
            pl.col("open").first(),
            pl.col("high").max(),
            pl.col("low").min(),
            pl.col("volume").sum(),
            *[pl.col(name).last() for name in others],
        )
        .drop("bucket")
    )
    return joined, sessions


def together(series: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Return the closes of several series beside each other, a column each, on the days that all have."""
    found: pl.DataFrame | None = None
    for name, bars in series.items():
        closes = bars.select("day", pl.col("close").alias(name))
        found = closes if found is None else found.join(closes, on="day", how="inner")
    return (found if found is not None else pl.DataFrame({"day": []})).sort("day")


def rebased(closes: pl.DataFrame) -> pl.DataFrame:
    """Return each series as 100 times its close over its first one."""
    names = _names(closes)
    return closes.with_columns([pl.col(name) / pl.col(name).first() * 100 for name in names])


def drawdown(closes: pl.DataFrame) -> pl.DataFrame:
    """Return each series as its close over the highest close so far, less 1, in percent."""
    return closes.with_columns([(pl.col(name) / pl.col(name).cum_max() - 1) * 100 for name in _names(closes)])


def correlation(closes: pl.DataFrame) -> list[list[float | None]]:
    """Return Pearson's correlation of daily returns, a row and a column for each series."""
    moves = _returns(closes)
    names = _names(closes)
    return [[_finite(moves.select(pl.corr(one, other)).item()) for other in names] for one in names]


def rolling_beta(closes: pl.DataFrame, benchmark: str, sessions: int) -> pl.DataFrame:
    """Return the others' beta to the benchmark: covariance over variance of the last `sessions` daily returns."""
    moves = _returns(closes)
    mean = pl.col(benchmark).rolling_mean(sessions)
    variance = (pl.col(benchmark) ** 2).rolling_mean(sessions) - mean**2
    names = [name for name in _names(closes) if name != benchmark]
    betas = [
        (
            ((pl.col(name) * pl.col(benchmark)).rolling_mean(sessions) - pl.col(name).rolling_mean(sessions) * mean)
            / variance
        ).alias(name)
        for name in names
    ]
    return moves.select("day", *betas).drop_nulls()


def thinned(lines: pl.DataFrame, most: int = 1_500) -> pl.DataFrame:
    """Return at most so many rows, evenly taken, the last among them: what a screen can show of a line."""
    step = max(1, -(-lines.height // most))
    return lines if step == 1 else lines.reverse().gather_every(step).reverse()


def _returns(closes: pl.DataFrame) -> pl.DataFrame:
    names: Sequence[str] = _names(closes)
    return closes.with_columns([pl.col(name).pct_change() for name in names]).slice(1)


def _names(closes: pl.DataFrame) -> list[str]:
    return [name for name in closes.columns if name != "day"]


def _finite(value: float | None) -> float | None:
    return None if value is None or value != value else value
