"""Files of prices: layouts understood, bad rows named with their line, nothing half imported."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.lake import delta, reader
from store.lake.lake import DeltaLake, MemoryLake
from store.lake.prices import PriceFile, read_prices
from tieout.errors import InvalidInput, NotFound, RefusedFile, StorageFull, TieoutError
from tieout.model import Principal, SeriesKey
from tieout.ports import ImportOptions

TODAY = date(2025, 1, 1)
ME = Principal("ann", "main")
OHLCV = """Date,Open,High,Low,Close,Adj Close,Volume
2024-01-02,10,11,9,10.5,5.25,1000
2024-01-03,10.5,12,10,11,5.5,2000
2024-01-04,11,11.5,10.5,11.2,5.6,0
"""
TABLE = Path(__file__).parents[3] / "tieout" / "sample_pack"


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., PriceFile]:
    """Read a file of the given name and content with options."""

    def make(name: str, content: str | bytes, **options: object) -> PriceFile:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_prices(path, ImportOptions(**options), TODAY)  # type: ignore[arg-type]

    return make


def reasons(file: PriceFile) -> list[tuple[int, str]]:
    """Return line and reason of each refused row."""
    return [(row.line, row.reason) for row in file.refused]


def test_ohlcv_with_adjusted_close_gives_two_series(read: Callable[..., PriceFile]) -> None:
    file = read("AAPL.csv", OHLCV)
    assert file.layout.kind == "ohlcv"
    assert file.bars.select("ticker", "adjustment").unique(maintain_order=True).rows() == [
        ("AAPL", "splits"),
        ("AAPL", "splits_dividends"),
    ]
    first, adjusted = file.bars.row(0, named=True), file.bars.row(3, named=True)
    assert (first["open"], first["high"], first["close"], first["volume"], first["vendor"]) == (
        10,
        11,
        10.5,
        1000,
        "aapl",
    )
    assert (adjusted["open"], adjusted["close"], adjusted["volume"]) == (None, 5.25, None)
    assert first["known_on"] == first["day"] == date(2024, 1, 2)


def test_the_close_of_ohlcv_may_be_called_unadjusted(read: Callable[..., PriceFile]) -> None:
    assert set(read("AAPL.csv", OHLCV, adjustment="none").bars["adjustment"]) == {"none", "splits_dividends"}
    with pytest.raises(InvalidInput, match="both a close and an adjusted close"):
        read("AAPL.csv", OHLCV, adjustment="splits_dividends")


def test_a_long_file_holds_many_tickers(read: Callable[..., PriceFile]) -> None:
    text = "symbol;timestamp;close\nabc;2024-01-02T00:00:00Z;1.5\nBRK.B;20240103;2\n"
    file = read("long.csv", text, adjustment="none", vendor="My Feed")
    assert file.layout.kind == "long"
    assert file.bars.select("ticker", "vendor", "day", "close").rows() == [
        ("ABC", "my feed", date(2024, 1, 2), 1.5),
        ("BRK.B", "my feed", date(2024, 1, 3), 2.0),
    ]


def test_a_wide_files_name_says_that_it_is_adjusted(read: Callable[..., PriceFile]) -> None:
    text = "date,T,LOW\n2024-01-02,1,2\n"
    assert set(read("adj_close.csv", text).bars["adjustment"]) == {"splits_dividends"}
    for name in ("prices.csv", "unadjusted.csv"):
        with pytest.raises(InvalidInput, match="give the adjustment"):
            read(name, text)


def test_what_must_be_told_is_asked_for(read: Callable[..., PriceFile]) -> None:
    text = "Date,Close\n2024-01-02,1\n"
    with pytest.raises(InvalidInput, match="whose: give the ticker"):
        read("prices_of_a_stock.csv", text, adjustment="none")
    with pytest.raises(InvalidInput, match="give the adjustment"):
        read("ABC.csv", text)
    for options, words in (
        ({"adjustment": "total"}, "no adjustment"),
        ({"vendor": "../etc"}, "cannot name a vendor"),
        ({"ticker": "A'; DROP"}, "not a ticker"),
        ({"currency": "dollars"}, "not a currency code"),
        ({"time_zone": "../../etc/passwd"}, "not a time zone"),
    ):
        with pytest.raises(InvalidInput, match=words):
            read("ABC.csv", text, **{"adjustment": "none", **options})


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ("2024-01-03", "2024-13-03", 3, "'2024-13-03' is not a day"),
        ("2024-01-03", "01/03/2024", 3, "not a day in the form YYYY-MM-DD"),
        ("2024-01-03", "2024-01-03 15:30:00", 3, "is not a day"),
        ("2024-01-03", "2026-01-03", 3, "lies in the future"),
        ("10.5,12,10,11,5.5", "10.5,12,10,n/a,5.5", 3, "Close: 'n/a' is not a number"),
        ("10.5,12,10,11,5.5", "10.5,12,10,NaN,5.5", 3, "'NaN' is not a number"),
        ("10.5,12,10,11,5.5", "10.5,12,10,inf,5.5", 3, "'inf' is not a number"),
        ("10.5,12,10,11,5.5", "10.5,12,10,1e999,5.5", 3, "'1e999' is not a number"),
        ("10.5,12,10,11,5.5", "10.5,12,10,,5.5", 3, "there is no Close"),
        ("10.5,12,10,11,5.5", "10.5,12,10,11,", 3, "there is no Adj Close"),
        ("10.5,12,10,11,5.5", "10.5,12,10,=1+1,5.5", 3, "'=1+1' is not a number"),
        ("10.5,12,10,11,5.5", "10.5,12,10,<b>11</b>,5.5", 3, "'<b>11</b>' is not a number"),
        ("10.5,12,10,11,5.5", "10.5,12,10,0,5.5", 3, "close: 0.0 is not a positive price"),
        ("10.5,12,10,11,5.5", "10.5,12,10,11,-5.5", 3, "close: -5.5 is not a positive price"),
        ("10.5,12,10,11,5.5", "10.5,10,12,11,5.5", 3, "high 10.0 is below low 12.0"),
        ("10.5,12,10,11,5.5", "10.5,12,10,12.5,5.5", 3, "close 12.5 is above high 12.0"),
        ("10.5,12,10,11,5.5", "10.5,12,10,9.5,5.5", 3, "close 9.5 is below low 10.0"),
        ("5.5,2000", "5.5,-1", 3, "volume: -1.0 is negative"),
        ("2024-01-04", "2024-01-03", 4, "AAPL on 2024-01-03 has other values than on line 3"),
        ("11.2,5.6,0\n", "11.2", 4, "5 fields where the header has 7: a torn or shifted line"),
        ("11.2,5.6,0\n", "11.2,5.6,0,9\n", 4, "8 fields"),
    ],
)
def test_a_bad_row_is_named_with_its_line(
    read: Callable[..., PriceFile], old: str, new: str, line: int, reason: str
) -> None:
    assert old in OHLCV
    found = reasons(read("AAPL.csv", OHLCV.replace(old, new)))
    assert any(at == line and reason in text for at, text in found), found


def test_a_last_line_cut_inside_its_last_cell_is_refused(read: Callable[..., PriceFile]) -> None:
    text = "date,ABC\n2024-01-02,10.123\n2024-01-03,11.123\n2024-01-04,12.123\n"
    whole = read("adj.csv", text.removesuffix("\n"))
    assert reasons(whole) == []
    assert "is cut short and has no line end" in reasons(read("adj.csv", text[:-3]))[0][1]


def test_rounding_and_repeated_rows_are_no_errors(read: Callable[..., PriceFile]) -> None:
    rounded = OHLCV.replace("10.5,12,10,11,", "10.5,12,10,12.000001,") + OHLCV.splitlines()[-1] + "\n\n"
    file = read("AAPL.csv", rounded)
    assert (reasons(file), file.bars.height) == ([], 6)


def test_an_empty_cell_of_a_wide_file_is_a_day_without_a_bar(read: Callable[..., PriceFile]) -> None:
    file = read("adj.csv", "date,A,B\n2024-01-02,1,\n2024-01-03,,\n2024-01-04,2,3\n")
    assert file.bars["ticker"].to_list() == ["A", "A", "B"]
    with pytest.raises(RefusedFile, match="holds no prices"):
        read("adj.csv", "date,A\n2024-01-02,\n")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"\x00\x01\x02" * 50, "neither text nor Parquet"),
        ("a.csv", b"date,A\n2024-01-02,\xff\n", "not UTF-8"),
        ("a.csv", b"PK\x03\x04rest", "spreadsheet"),
        ("a.csv", b"PAR1 and then nothing", "broken Parquet"),
        ("a.csv", b"just words", "no columns"),
        ("a.csv", b"date,A\n", "no rows"),
        ("a.csv", b'date,A\n"2024-01-02,1\n', "line"),
        ("a.csv", b"date,A,A\n2024-01-02,1,2\n", "twice"),
        ("a.csv", b"date,A,\n2024-01-02,1,2\n", "has no name"),
        ("a.csv", b"when,A\n2024-01-02,1\n", "no column is named date"),
        ("a.csv", b"date,Some long words\n2024-01-02,1\n", "neither a ticker nor a known column"),
        ("a.csv", b"date,ticker\n2024-01-02,A\n", "no column is named close"),
        ("a.csv", b"date,close,last\n2024-01-02,1,1\n", "look like the close column"),
    ],
)
def test_a_file_that_is_no_price_table_is_refused(
    read: Callable[..., PriceFile], name: str, content: bytes, words: str
) -> None:
    with pytest.raises(RefusedFile, match=words):
        read(name, content, adjustment="none")


def test_paths_that_are_no_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedFile, match="is a folder"):
        read_prices(tmp_path, ImportOptions(), TODAY)
    with pytest.raises(NotFound, match=r"no file none\.csv"):
        read_prices(tmp_path / "none.csv", ImportOptions(), TODAY)
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    with pytest.raises(RefusedFile, match="not a regular file"):
        read_prices(pipe, ImportOptions(), TODAY)


def test_a_huge_file_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "adj.csv"
    path.write_text("date,A\n2024-01-02,1\n")
    monkeypatch.setattr(reader, "_MAX_BYTES", 5)
    with pytest.raises(RefusedFile, match="split it"):
        read_prices(path, ImportOptions(), TODAY)


def test_bars_known_before_their_day_are_refused(read: Callable[..., PriceFile]) -> None:
    file = read("AAPL.csv", OHLCV, known_on=date(2024, 1, 3))
    assert "cannot have been known" in reasons(file)[0][1]
    assert set(read("AAPL.csv", OHLCV, known_on=date(2024, 2, 1)).bars["known_on"]) == {date(2024, 2, 1)}


def test_a_saved_data_frame_is_read_with_its_index(tmp_path: Path) -> None:
    frame = pd.DataFrame({"Close": [1.0, 2.0]}, index=pd.to_datetime(["2024-01-02", "2024-01-03"]).rename("Date"))
    frame.to_parquet(tmp_path / "ABC.parquet")
    file = read_prices(tmp_path / "ABC.parquet", ImportOptions(adjustment="none"), TODAY)
    assert file.bars.select("ticker", "day", "close").rows() == [
        ("ABC", date(2024, 1, 2), 1.0),
        ("ABC", date(2024, 1, 3), 2.0),
    ]


def test_a_parquet_file_may_carry_its_price_contract(tmp_path: Path) -> None:
    table = pa.table({"day": [date(2024, 1, 2)], "close": [3]})
    contract = {"tieout.vendor": "feed", "tieout.adjustment": "none", "tieout.ticker": "abc"}
    pq.write_table(table.replace_schema_metadata(contract), tmp_path / "x.parquet")
    row = read_prices(tmp_path / "x.parquet", ImportOptions(), TODAY).bars.row(0, named=True)
    assert (row["ticker"], row["vendor"], row["adjustment"]) == ("ABC", "feed", "none")
    nested = pa.table({"date": [date(2024, 1, 2)], "close": [[1.0]]})
    pq.write_table(nested, tmp_path / "n.parquet")
    with pytest.raises(RefusedFile, match="column 'close' holds list"):
        read_prices(tmp_path / "n.parquet", ImportOptions(), TODAY)


def test_the_sample_packs_prices_import_without_options() -> None:
    lake = MemoryLake()
    for path in sorted(TABLE.rglob("*.parquet")):
        assert lake.import_bars(ME, path).refused == ()
    assert len(lake.series(ME)) == 22
    apple = lake.bars(ME, SeriesKey("AAPL", "pyportfolioopt", "splits_dividends"))
    assert apple["close"][-1].as_py() == 237.3300018310547
    assert lake.last_day(ME) == date(2024, 11, 29)


@given(st.binary(max_size=400))
def test_any_bytes_give_prices_or_a_clear_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(b"date,A\n" + data)
    try:
        read_prices(path, ImportOptions(adjustment="none"), TODAY)
    except TieoutError as error:
        assert str(path.parent) not in error.message


@given(st.floats(min_value=1e-4, max_value=1e7), st.dates(date(1980, 1, 1), date(2024, 12, 31)))
def test_a_price_comes_back_as_the_same_double(
    tmp_path_factory: pytest.TempPathFactory, price: float, day: date
) -> None:
    path = tmp_path_factory.getbasetemp() / "one.csv"
    path.write_text(f"date,A\n{day},{price!r}\n")
    bars = read_prices(path, ImportOptions(adjustment="none"), TODAY).bars
    assert bars.select("day", "close").row(0) == (day, price)


def test_a_full_disk_leaves_the_lake_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = DeltaLake(tmp_path / "lake", today=lambda: TODAY)
    path = tmp_path / "AAPL.csv"
    path.write_text(OHLCV)
    lake.import_bars(ME, path)
    before = sorted(file.name for file in (tmp_path / "lake").rglob("*"))

    def full(target: str, *_: object, **__: object) -> None:
        (Path(target) / "part-half-written.parquet").write_bytes(b"PAR1")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(delta, "write_deltalake", full)
    path.write_text(OHLCV + "2024-01-05,11,11.5,10.5,11.2,5.6,7\n")
    with pytest.raises(StorageFull, match="left as it was"):
        lake.import_bars(ME, path)
    assert sorted(file.name for file in (tmp_path / "lake").rglob("*")) == before
    assert lake.snapshot(ME, "bars") == "bars@1"
