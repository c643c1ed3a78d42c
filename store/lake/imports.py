"""Decides what an import may change: new rows come in, equal rows stay, other values are refused or replace."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl
import pyarrow as pa

from store.lake.contract import contracts
from store.lake.prices import PriceFile
from store.lake.schema import BARS, KEYS
from tieout.errors import RefusedFile
from tieout.model import Series
from tieout.ports import ImportPreview, RefusedRow

_SERIES = ["ticker", "vendor", "adjustment"]
_VALUES = ["open", "high", "low", "close", "volume"]  # known again later is known since the first time
_SHOWN = 20
_HEAD = 5


@dataclass(frozen=True)
class Changes:
    """A file's rows beside those that the lake holds of the same series."""

    stored: pl.DataFrame
    new: pl.DataFrame
    changed: pl.DataFrame  # the file's rows, with the stored close as `was`
    same: int


def compare(file: PriceFile, stored: pa.Table) -> Changes:
    """Sort the file's rows into new, changed and same. Raises RefusedFile when a series' contract would change."""
    held = pl.DataFrame(pl.from_arrow(stored))
    _check_contract(file, held)
    keys = list(KEYS["bars"])
    theirs = held.select(*keys, was=pl.struct(_VALUES), stored=pl.lit(value=True))
    both = file.bars.join(theirs, on=keys, how="left", maintain_order="left")
    new = both.filter(pl.col("stored").is_null())
    known = both.filter(pl.col("stored").is_not_null())
    changed = known.filter(pl.struct(_VALUES).ne_missing(pl.col("was")))
    columns = BARS.names
    return Changes(held, new.select(columns), changed.select(*columns, "was"), known.height - changed.height)


def rows_to_write(file: PriceFile, changes: Changes, *, replace: bool) -> pa.Table:
    """Return the rows that the import adds or replaces. Raises RefusedFile when it may not."""
    if file.refused:
        raise RefusedFile(
            f"{file.name} was not imported: {len(file.refused)} bad rows. {_listed(file.refused)}",
            refused=[{"file": row.file, "line": row.line, "reason": row.reason} for row in file.refused[:_SHOWN]],
            count=len(file.refused),
        )
    if not changes.changed.is_empty():
        if not replace:
            raise RefusedFile(
                f"{file.name} was not imported: {changes.changed.height:,} rows differ from what is stored. "
                f"{_differences(changes.changed)} Import it with replace to let it take their place, or under another "
                "vendor name to keep both",
                count=changes.changed.height,
            )
        _check_no_splice(file, changes)
    written = pl.concat([changes.new, changes.changed.select(BARS.names)]).sort(list(KEYS["bars"]))
    return written.to_arrow().cast(BARS)


def preview(file: PriceFile, changes: Changes) -> ImportPreview:
    """Say what the import would do."""
    roles = dict(file.layout.roles)
    if file.layout.kind == "wide":
        roles = {"date": roles["date"]} | {f"close:{key}": column for key, column in file.layout.tickers.items()}
    shown = ("ticker", "adjustment", "day", "open", "high", "low", "close", "volume", "known_on")
    head = file.bars.head(_HEAD).select(shown).with_columns(pl.col("day", "known_on").cast(pl.String))
    return ImportPreview(
        layout=file.layout.kind,
        columns=roles,
        series=tuple(_contracts_of(file)),
        head=tuple(head.to_dicts()),
        refused=file.refused,
        new=changes.new.height,
        same=changes.same,
        changed=changes.changed.height,
    )


def _contracts_of(file: PriceFile) -> list[Series]:
    return contracts(file.bars.to_arrow().cast(BARS))


def _check_contract(file: PriceFile, held: pl.DataFrame) -> None:
    terms = ["currency", "time_zone"]
    ours = file.bars.select(*_SERIES, *terms).unique()
    both = ours.join(held.select(*_SERIES, *terms).unique(), on=_SERIES, suffix="_stored")
    other = both.filter(pl.any_horizontal(pl.col(term) != pl.col(f"{term}_stored") for term in terms))
    for row in other.head(1).iter_rows(named=True):
        raise RefusedFile(
            f"{file.name}: {row['ticker']}/{row['vendor']}/{row['adjustment']} is stored in {row['currency_stored']}, "
            f"{row['time_zone_stored']}; this file is taken as {row['currency']}, {row['time_zone']}. Give the stored "
            "currency and time zone, or another vendor name"
        )


def _check_no_splice(file: PriceFile, changes: Changes) -> None:
    """Refuse to replace a part of an adjusted series: its days before and after would have different bases."""
    touched = changes.changed.filter(pl.col("adjustment") != "none").select(_SERIES).unique()
    keys = list(KEYS["bars"])
    left = changes.stored.join(touched, on=_SERIES, how="semi").join(file.bars, on=keys, how="anti")
    for row in left.head(1).iter_rows(named=True):
        raise RefusedFile(
            f"{file.name} was not imported: it has other values for {row['ticker']}/{row['vendor']}/"
            f"{row['adjustment']} but lacks days that are stored ({row['day']}). Adjusted prices of two downloads must "
            "not be spliced: import the whole history, or use another vendor name"
        )


def _listed(refused: tuple[RefusedRow, ...]) -> str:
    lines = [f"line {row.line}: {row.reason}" for row in refused[:_SHOWN]]
    if len(refused) > _SHOWN:
        lines.append(f"and {len(refused) - _SHOWN} more")
    return "; ".join(lines)


def _differences(changed: pl.DataFrame) -> str:
    texts = [
        f"{row['ticker']}/{row['vendor']}/{row['adjustment']} on {row['day']}: stored close {row['was']['close']}, "
        f"in the file {row['close']}."
        for row in changed.head(3).iter_rows(named=True)
    ]
    return " ".join(texts)
