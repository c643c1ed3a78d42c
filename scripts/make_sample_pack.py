"""Make tieout/sample_pack from a folder with `filings/`, `prices/` and `bars/` (see its SOURCES.md).

python scripts/make_sample_pack.py FOLDER
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

PACK = Path(__file__).parents[1] / "tieout" / "sample_pack"
FILINGS = ("APPLE_2021_10K.pdf", "APPLE_2022_10K.pdf")
PRICES = {
    "prices/adj_close_1990_2024": {"vendor": "pyportfolioopt", "adjustment": "splits_dividends"},
    "prices/spy_1990_2024": {"vendor": "pyportfolioopt", "adjustment": "splits_dividends"},
    "bars/AAPL": {"vendor": "mplfinance", "adjustment": "splits", "ticker": "AAPL"},
}


def main(source: Path) -> None:
    """Copy the filings and rewrite the price tables as Parquet that carries its price contract."""
    (PACK / "filings").mkdir(parents=True, exist_ok=True)
    for name in FILINGS:
        shutil.copyfile(source / "filings" / name, PACK / "filings" / name)
    for name, contract in PRICES.items():
        table = pa_csv.read_csv(source / f"{name}.csv")
        target = PACK / f"{name}.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        table = table.replace_schema_metadata({f"tieout.{key}": value for key, value in contract.items()})
        doubles = [field.name for field in table.schema if pa.types.is_float64(field.type)]
        pq.write_table(
            table, target, compression="zstd", compression_level=19, use_dictionary=False, store_schema=True,
            column_encoding=dict.fromkeys(doubles, "BYTE_STREAM_SPLIT"),
        )  # fmt: skip
    total = sum(file.stat().st_size for file in PACK.rglob("*") if file.is_file())
    print(f"{PACK.name}: {total:,} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
