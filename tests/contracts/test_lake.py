"""What every lake must do, run over Delta tables in a folder and over tables in memory."""

from __future__ import annotations

import math
import multiprocessing
import re
import statistics
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from store.lake.lake import DeltaLake, MemoryLake
from tieout.errors import Conflict, InvalidInput, NotFound, RefusedFile
from tieout.model import Figure, Period, Principal, SeriesKey
from tieout.ports import BarFilter, FactQuery, ImportOptions, Lake, ScreenFilter

ME = Principal("ann", "Research & Co/..")
KEY = SeriesKey("ABC", "feed", "splits_dividends")
FEED = ImportOptions(vendor="feed", adjustment="splits_dividends")
WIDE = "date,ABC,XYZ\n2024-01-02,10,\n2024-01-03,11,50\n2024-01-04,9.5,51.5\n"
LAST_OF = "SELECT arg_max(close, day) FROM bars WHERE ticker = $ticker AND day <= CAST($end AS DATE)"


@pytest.fixture(params=["delta", "memory"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Lake:
    """The lake under test, dated so that no bar of 2024 lies in the future."""
    if request.param == "memory":
        return MemoryLake(today=lambda: date(2025, 1, 1))
    return DeltaLake(tmp_path / "a folder, 100%" / "lake", today=lambda: date(2025, 1, 1))


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    """Write a file of the given name and text."""

    def make(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return make


def last_close(end: str, as_of: date = date(2024, 12, 31), **changes: object) -> FactQuery:
    """Query the last close of ABC on or before a day."""
    given: dict[str, object] = {
        "name": "last close", "measure": "level", "unit": "USD/share", "method": "last close", "sql": LAST_OF,
        "parameters": {"ticker": "ABC", "end": end}, "as_of": as_of, "series": (KEY,),
    }  # fmt: skip
    return FactQuery(**(given | changes))  # type: ignore[arg-type]


def figure(name: str, value: str, known_on: date | None = None) -> Figure:
    """Make a reported number in dollars."""
    period = Period("year", 2022, end=date(2022, 9, 24))
    return Figure(
        name, "doc", 3, 10, 17, value, Decimal(value), "USD", 1, 0, "Net sales", period=period, known_on=known_on
    )


def growth(now: Figure, before: Figure, as_of: date = date(2024, 1, 1)) -> FactQuery:
    """Query the growth from one figure to another."""
    sql = "SELECT max(value) FILTER (id = $now) / max(value) FILTER (id = $before) - 1 FROM figures"
    return FactQuery(
        "growth", "growth", "fraction", "now / before - 1", sql, {"now": now.id, "before": before.id}, as_of,
        figures=(now, before),
    )  # fmt: skip


def test_an_empty_lake_has_no_series_and_version_nought(lake: Lake) -> None:
    assert lake.series(ME) == []
    assert lake.last_day(ME) is None
    assert lake.snapshot(ME, "bars") == "bars@0"
    with pytest.raises(NotFound, match="bars, figures"):
        lake.snapshot(ME, "prices; DROP TABLE bars")
    with pytest.raises(NotFound, match="no series ABC/feed"):
        lake.bars(ME, KEY)


def test_a_preview_says_what_an_import_would_do_and_writes_nothing(lake: Lake, write: Callable[..., Path]) -> None:
    preview = lake.preview_bars(ME, write("wide.csv", WIDE), FEED)
    assert (preview.layout, preview.new, preview.same, preview.changed) == ("wide", 5, 0, 0)
    assert preview.columns == {"date": "date", "close:ABC": "ABC", "close:XYZ": "XYZ"}
    assert [str(one.key) for one in preview.series] == ["ABC/feed/splits_dividends", "XYZ/feed/splits_dividends"]
    assert preview.head[0]["day"] == "2024-01-02"
    assert lake.series(ME) == []
    assert lake.snapshot(ME, "bars") == "bars@0"


def test_an_import_gives_series_with_their_contract(lake: Lake, write: Callable[..., Path]) -> None:
    lake.import_bars(ME, write("wide.csv", WIDE), FEED)
    abc, xyz = lake.series(ME)
    assert (abc.key, abc.currency, abc.time_zone) == (KEY, "USD", "America/New_York")
    assert (abc.first, abc.last, abc.rows) == (date(2024, 1, 2), date(2024, 1, 4), 3)
    assert (xyz.first, xyz.rows, xyz.has_ohlc, xyz.has_volume) == (date(2024, 1, 3), 2, False, False)
    assert xyz.source == "wide.csv"
    assert lake.series(ME, "xyz") == [xyz]
    assert lake.last_day(ME, ["ABC"]) == date(2024, 1, 4)
    assert lake.last_day(ME, ["NONE"]) is None


def test_the_same_rows_again_change_nothing(lake: Lake, write: Callable[..., Path]) -> None:
    path = write("wide.csv", WIDE)
    lake.import_bars(ME, path, FEED)
    again = lake.import_bars(ME, path, FEED)
    assert (again.new, again.same, again.changed) == (0, 5, 0)
    assert lake.snapshot(ME, "bars") == "bars@1"


def test_later_rows_of_a_series_are_added(lake: Lake, write: Callable[..., Path]) -> None:
    lake.import_bars(ME, write("wide.csv", WIDE), FEED)
    more = lake.import_bars(ME, write("more.csv", "date,ABC\n2024-01-04,9.5\n2024-01-05,10\n"), FEED)
    assert (more.new, more.same) == (1, 1)
    assert lake.bars(ME, KEY)["close"].to_pylist() == [10, 11, 9.5, 10]


def test_other_values_are_refused_unless_they_may_replace(lake: Lake, write: Callable[..., Path]) -> None:
    lake.import_bars(ME, write("wide.csv", WIDE), FEED)
    path = write("new.csv", WIDE.replace("9.5", "9.75"))
    with pytest.raises(RefusedFile, match=r"1 rows differ.*stored close 9\.5, in the file 9\.75.*replace"):
        lake.import_bars(ME, path, FEED)
    assert lake.bars(ME, KEY)["close"].to_pylist() == [10, 11, 9.5]
    replacing = ImportOptions(vendor="feed", adjustment="splits_dividends", replace=True)
    assert lake.import_bars(ME, path, replacing).changed == 1
    assert lake.bars(ME, KEY)["close"].to_pylist() == [10, 11, 9.75]
    assert lake.snapshot(ME, "bars") == "bars@2"


def test_a_part_of_an_adjusted_series_is_not_replaced(lake: Lake, write: Callable[..., Path]) -> None:
    lake.import_bars(ME, write("wide.csv", WIDE), FEED)
    replacing = ImportOptions(vendor="feed", adjustment="splits_dividends", replace=True)
    with pytest.raises(RefusedFile, match="spliced"):
        lake.import_bars(ME, write("part.csv", "date,ABC\n2024-01-04,4.75\n"), replacing)
    assert lake.snapshot(ME, "bars") == "bars@1"


def test_a_series_keeps_its_currency(lake: Lake, write: Callable[..., Path]) -> None:
    lake.import_bars(ME, write("wide.csv", WIDE), FEED)
    euros = ImportOptions(vendor="feed", adjustment="splits_dividends", currency="EUR")
    with pytest.raises(RefusedFile, match="stored in USD"):
        lake.import_bars(ME, write("more.csv", "date,ABC\n2024-01-05,10\n"), euros)


def test_a_bad_row_lets_nothing_in(lake: Lake, write: Callable[..., Path]) -> None:
    path = write("bad.csv", WIDE.replace("11,50", "eleven,50"))
    assert lake.preview_bars(ME, path, FEED).refused[0].line == 3
    with pytest.raises(RefusedFile, match="line 3: ABC: 'eleven' is not a number") as caught:
        lake.import_bars(ME, path, FEED)
    assert caught.value.details["count"] == 1
    assert lake.series(ME) == []


def test_workspaces_do_not_see_each_other(lake: Lake, write: Callable[..., Path]) -> None:
    lake.import_bars(ME, write("wide.csv", WIDE), FEED)
    for other in ("research & co/..", "Research & Co", "..", "", "RESEARCH"):
        assert lake.series(Principal("eve", other)) == []


def test_bars_are_of_the_window_and_known_by_as_of(lake: Lake, write: Callable[..., Path]) -> None:
    lake.import_bars(ME, write("wide.csv", WIDE), FEED)
    bars = lake.bars(ME, KEY, start=date(2024, 1, 3), end=date(2024, 1, 31), as_of=date(2024, 1, 3))
    assert bars.column_names == ["day", "open", "high", "low", "close", "volume"]
    assert bars["day"].to_pylist() == [date(2024, 1, 3)]


def test_a_bar_known_late_is_not_seen_before(lake: Lake, write: Callable[..., Path]) -> None:
    text = "Date,Ticker,Close,Known On\n2024-01-02,ABC,10,2024-01-02\n2024-01-03,ABC,11,2024-02-01\n"
    lake.import_bars(ME, write("long.csv", text), FEED)
    assert lake.bars(ME, KEY, as_of=date(2024, 1, 31)).num_rows == 1
    assert lake.bars(ME, KEY, as_of=date(2024, 2, 1)).num_rows == 2
    early, late = lake.compute(
        ME, [last_close("2024-12-31", date(2024, 1, 31)), last_close("2024-12-31", date(2024, 2, 1))]
    )
    assert (early.value, late.value) == (10, 11)


def test_a_fact_is_decimal_stable_and_cites_its_snapshot(lake: Lake, write: Callable[..., Path]) -> None:
    lake.import_bars(ME, write("wide.csv", WIDE), FEED)
    query = last_close("2024-01-03", display=lambda value: f"${value:.2f}", spans=("span_1",), instrument="ABC")
    (fact,) = lake.compute(ME, [query])
    assert (fact.value, fact.display, fact.snapshot) == (Decimal(11), "$11.00", "bars@1")
    assert (fact.series, fact.spans, fact.instrument) == (("ABC/feed/splits_dividends",), ("span_1",), "ABC")
    assert re.fullmatch(r"f_[0-9a-f]{16}", fact.id)  # 32 bits would meet by chance within some ten thousand facts
    assert len(fact.id) == 18
    assert lake.compute(ME, [query]) == [fact]


def test_two_different_facts_of_one_id_are_refused(
    lake: Lake, write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clash of hashes cannot be brought about: the id is held fixed instead."""
    lake.import_bars(ME, write("p.csv", WIDE), FEED)
    monkeypatch.setattr("store.lake.compute.fact_id", lambda *_: "f_0123456789abcdef")
    same = last_close("2024-01-03")
    assert len({fact.id for fact in lake.compute(ME, [same, same])}) == 1
    with pytest.raises(Conflict, match="same id f_0123456789abcdef"):
        lake.compute(ME, [same, last_close("2024-01-04")])


def test_a_fact_without_a_value_is_left_out(lake: Lake, write: Callable[..., Path]) -> None:
    lake.import_bars(ME, write("wide.csv", WIDE), FEED)
    empty = [
        last_close("2023-01-01"),
        last_close("2024-01-03", sql="SELECT 1.0 / 0 FROM bars WHERE $ticker = $ticker AND $end = $end LIMIT 1"),
        last_close("2024-01-03", sql="SELECT close FROM bars WHERE ticker = $ticker AND day > CAST($end AS DATE) + 9"),
        last_close("2024-01-03", sql="SELECT 'nan'::DOUBLE WHERE $ticker = $ticker AND $end = $end"),
    ]
    assert [fact.value for fact in lake.compute(ME, [*empty, last_close("2024-01-04")])] == [Decimal("9.5")]
    assert lake.compute(ME, []) == []


def test_a_fact_that_cannot_be_computed_is_named(lake: Lake, write: Callable[..., Path]) -> None:
    lake.import_bars(ME, write("wide.csv", WIDE), FEED)
    for sql, reason in (
        ("SELECT colse FROM bars", "last close cannot be computed"),
        ("SELECT close FROM bars WHERE ticker = $ticker AND day <= CAST($end AS DATE)", "more than one row"),
        ("SELECT max(close), 1 FROM bars WHERE ticker = $ticker AND day <= CAST($end AS DATE)", "returns 2 columns"),
        ("SELECT max(source) FROM bars WHERE ticker = $ticker AND day <= CAST($end AS DATE)", "a fact is a number"),
        ("SELECT count(*) FROM duckdb_settings()", "may not be read"),
    ):
        with pytest.raises(InvalidInput, match=reason):
            lake.compute(ME, [last_close("2024-01-03", sql=sql)])
    with pytest.raises(NotFound, match="no series NO/"):
        lake.compute(ME, [last_close("2024-01-03", series=(SeriesKey("NO", "feed", "none"),))])
    with pytest.raises(InvalidInput, match="names no series"):
        lake.compute(ME, [last_close("2024-01-03", series=())])
    with pytest.raises(InvalidInput, match="no JSON value"):
        lake.compute(ME, [last_close("2024-01-03", parameters={"ticker": "ABC", "end": date(2024, 1, 3)})])


def test_a_fact_sees_only_its_own_series(lake: Lake, write: Callable[..., Path]) -> None:
    lake.import_bars(ME, write("wide.csv", WIDE), FEED)
    sql = "SELECT count(DISTINCT ticker) FROM bars WHERE $ticker = $ticker AND $end = $end"
    assert lake.compute(ME, [last_close("2024-01-04", sql=sql)])[0].value == 1


def test_figures_are_stored_once_and_computed_exactly(lake: Lake) -> None:
    now, before = figure("fig_now", "394328000000"), figure("fig_before", "365817000000")
    (fact,) = lake.compute(ME, [growth(now, before)])
    assert fact.value == Decimal("0.0779378760418461")
    assert (fact.snapshot, fact.figures) == ("figures@1", ("fig_now", "fig_before"))
    assert lake.compute(ME, [growth(now, before)]) == [fact]
    assert lake.snapshot(ME, "figures") == "figures@1"


def test_a_figure_read_anew_makes_a_new_version_and_leaves_the_old_one(lake: Lake) -> None:
    before = figure("fig_before", "100")
    (old,) = lake.compute(ME, [growth(figure("fig_now", "110"), before)])
    (new,) = lake.compute(ME, [growth(figure("fig_now", "120"), before)])
    assert (old.value, new.value) == (Decimal("0.1"), Decimal("0.2"))
    assert old.id != new.id
    assert new.snapshot == "figures@2"
    assert {str(value) for value in lake.rows(ME, [old])["figures"]["value"].to_pylist()} == {
        "110.00000000",
        "100.00000000",
    }
    with pytest.raises((Conflict, InvalidInput)):
        lake.rows(ME, [old, new])


def test_a_figure_known_later_is_not_used(lake: Lake) -> None:
    now, before = figure("fig_now", "110", date(2022, 10, 28)), figure("fig_before", "100", date(2021, 10, 29))
    assert lake.compute(ME, [growth(now, before, date(2022, 1, 1))]) == []
    assert len(lake.compute(ME, [growth(now, before, date(2022, 10, 28))])) == 1


def test_a_figure_that_the_lake_cannot_hold_is_refused(lake: Lake) -> None:
    with pytest.raises(InvalidInput, match="more than 8 decimal places"):
        lake.compute(ME, [growth(figure("a", "0.123456789"), figure("b", "1"))])
    with pytest.raises(InvalidInput, match="not a number"):
        lake.compute(ME, [growth(figure("a", "NaN"), figure("b", "1"))])
    with pytest.raises(Conflict, match="two different figures"):
        lake.compute(ME, [growth(figure("a", "1"), figure("a", "2"))])


def test_rows_reproduce_each_fact_in_plain_duckdb(lake: Lake, write: Callable[..., Path]) -> None:
    lake.import_bars(ME, write("wide.csv", WIDE), FEED)
    facts = lake.compute(ME, [
        last_close("2024-01-03"), last_close("2024-01-04"), growth(figure("a", "110.5"), figure("b", "100")),
    ])  # fmt: skip
    rows = lake.rows(ME, facts)
    assert set(rows) == {"bars", "figures"}
    plain = duckdb.connect(":memory:")
    for name, table in rows.items():
        plain.register(name, table)
    for fact in facts:
        (value,) = plain.sql(fact.sql, params=dict(fact.parameters)).fetchall()[0]
        assert Decimal(f"{value:.15g}") == fact.value
    plain.close()


def test_rows_are_cut_to_a_facts_days_only_where_its_value_allows(lake: Lake, write: Callable[..., Path]) -> None:
    lake.import_bars(ME, write("wide.csv", WIDE), FEED)
    (narrow,) = lake.compute(ME, [last_close("2024-01-03")])
    assert lake.rows(ME, [narrow])["bars"].num_rows == 2
    sql = "SELECT count(*) FROM bars WHERE ticker = $ticker AND day >= CAST($end AS DATE)"
    (wide,) = lake.compute(ME, [last_close("2024-01-03", sql=sql)])
    assert lake.rows(ME, [wide])["bars"].num_rows == 3


def test_rows_refuse_a_fact_whose_sql_takes_whatever_is_there(lake: Lake, write: Callable[..., Path]) -> None:
    lake.import_bars(ME, write("wide.csv", WIDE), FEED)
    loose = last_close("2024-01-04", sql="SELECT max(close) FROM bars", parameters={})
    other = last_close(
        "2024-01-04",
        series=(SeriesKey("XYZ", "feed", "splits_dividends"),),
        parameters={"ticker": "XYZ", "end": "2024-01-04"},
    )
    with pytest.raises(InvalidInput, match="must name its series"):
        lake.rows(ME, lake.compute(ME, [loose, other]))


def test_a_fact_keeps_its_version_after_prices_were_replaced(lake: Lake, write: Callable[..., Path]) -> None:
    lake.import_bars(ME, write("wide.csv", WIDE), FEED)
    (old,) = lake.compute(ME, [last_close("2024-01-04")])
    replacing = ImportOptions(vendor="feed", adjustment="splits_dividends", replace=True)
    lake.import_bars(ME, write("new.csv", WIDE.replace("9.5", "9.75")), replacing)
    (new,) = lake.compute(ME, [last_close("2024-01-04")])
    assert (old.snapshot, new.snapshot) == ("bars@1", "bars@2")
    assert lake.rows(ME, [old])["bars"]["close"].to_pylist() == [10, 11, 9.5]
    assert lake.rows(ME, [new])["bars"]["close"].to_pylist() == [10, 11, 9.75]


def test_rows_of_several_versions_go_together_where_no_value_changes(lake: Lake, write: Callable[..., Path]) -> None:
    """A correction between two steps of a run does not leave the run without a report."""
    lake.import_bars(ME, write("wide.csv", WIDE), FEED)
    (before,) = lake.compute(ME, [last_close("2024-01-03")])
    (last,) = lake.compute(ME, [last_close("2024-01-04")])
    replacing = ImportOptions(vendor="feed", adjustment="splits_dividends", replace=True)
    lake.import_bars(ME, write("new.csv", WIDE.replace("9.5", "9.75")), replacing)
    (after,) = lake.compute(ME, [last_close("2024-01-04")])
    assert lake.rows(ME, [before, after])["bars"]["close"].to_pylist() == [10, 11, 9.75]
    with pytest.raises(Conflict, match=r"bars were replaced .* from 9.5 to 9.75: ask the question again"):
        lake.rows(ME, [last, after])


def test_sql_from_outside_sees_the_given_tables_only(lake: Lake, write: Callable[..., Path]) -> None:
    lake.import_bars(ME, write("wide.csv", WIDE), FEED)
    table = pa.table({"a": [1, 2, 3]})
    assert lake.query(ME, "SELECT sum(a) AS s FROM t WHERE a > $least", {"least": 1}, {"t": table})["s"][0].as_py() == 5
    with pytest.raises(InvalidInput, match="no table 'bars'"):
        lake.query(ME, "SELECT * FROM bars", {}, {"t": table})


def test_threads_that_import_and_compute_at_once_lose_and_double_nothing(
    lake: Lake, write: Callable[..., Path]
) -> None:
    files = [write(f"f{n}.csv", f"date,T{n % 4}\n2024-01-02,{10 + n % 4}\n") for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda path: lake.import_bars(ME, path, FEED), files))
        pairs = [(figure(f"n{n % 3}", str(110 + n % 3)), figure("b", "100")) for n in range(9)]
        facts = list(pool.map(lambda pair: lake.compute(ME, [growth(*pair)])[0], pairs))
    assert [(one.key.ticker, one.rows) for one in lake.series(ME)] == [(f"T{n}", 1) for n in range(4)]
    assert {fact.value for fact in facts} == {Decimal("0.1"), Decimal("0.11"), Decimal("0.12")}
    assert lake.rows(ME, facts)["figures"].num_rows == 4


def _import(folder: str, path: str) -> int:
    lake = DeltaLake(Path(folder), today=lambda: date(2025, 1, 1))
    return lake.import_bars(ME, Path(path), FEED).new


def test_processes_that_import_the_same_file_at_once_store_it_once(tmp_path: Path, write: Callable[..., Path]) -> None:
    path = write("wide.csv", WIDE)
    folder = str(tmp_path / "lake")
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        new = pool.starmap(_import, [(folder, str(path))] * 6)
    assert sorted(new) == [0, 0, 0, 0, 0, 5]
    assert DeltaLake(Path(folder)).snapshot(ME, "bars") == "bars@1"


def imported(lake: Lake, write: Callable[[str, str], Path]) -> None:
    lake.import_bars(ME, write("a.csv", WIDE), FEED)
    other = "date,ABC\n2024-01-02,10\n2024-01-03,5\n2024-01-04,8\n"
    lake.import_bars(ME, write("b.csv", other), ImportOptions(vendor="feed", adjustment="none"))


def test_bars_of_all_series_are_found_by_a_filter_page_by_page(lake: Lake, write: Callable[[str, str], Path]) -> None:
    assert lake.find_bars(ME, BarFilter())[1] == 0
    imported(lake, write)
    rows, count = lake.find_bars(ME, BarFilter(adjustment="splits_dividends"), limit=2)
    assert count == 5
    assert [(row["ticker"], row["close"]) for row in rows.to_pylist()] == [("ABC", 9.5), ("XYZ", 51.5)]
    rest, _ = lake.find_bars(ME, BarFilter(adjustment="splits_dividends"), limit=10, offset=2)
    assert rest.num_rows == 3
    some = BarFilter(("abc",), start=date(2024, 1, 3), end=date(2024, 1, 3), sort="close", descending=False)
    assert lake.find_bars(ME, some)[0]["close"].to_pylist() == [5.0, 11.0]
    assert lake.find_bars(ME, BarFilter(least_volume=1.0))[1] == 0
    assert lake.find_bars(Principal("ann", "elsewhere"), BarFilter())[1] == 0


def test_a_screen_tells_what_each_series_did_in_the_window(lake: Lake, write: Callable[[str, str], Path]) -> None:
    imported(lake, write)
    lines = {(row["ticker"], row["adjustment"]): row for row in lake.screen(ME, ScreenFilter()).to_pylist()}
    fell = lines["ABC", "none"]
    assert (fell["sessions"], fell["first"], fell["close"]) == (3, date(2024, 1, 2), 8.0)
    assert fell["total_return"] == pytest.approx(-0.2)
    assert fell["max_drawdown"] == pytest.approx(-0.5)
    changes = [math.log(0.5), math.log(1.6)]
    assert fell["volatility"] == pytest.approx(statistics.stdev(changes) * math.sqrt(252))
    assert lines["XYZ", "splits_dividends"]["total_return"] == pytest.approx(0.03)
    kept = lake.screen(ME, ScreenFilter(least_return=-0.1, most_drawdown=-0.2))
    assert kept["ticker"].to_pylist() == ["XYZ", "ABC"]
    assert lake.screen(ME, ScreenFilter(start=date(2024, 1, 4))).num_rows == 3
    assert lake.screen(ME, ScreenFilter(), limit=1).num_rows == 1


@pytest.mark.parametrize("sort", ["", "close; DROP TABLE bars", "known"])
def test_a_column_that_is_not_there_is_refused(lake: Lake, sort: str) -> None:
    with pytest.raises(InvalidInput, match="no column"):
        lake.find_bars(ME, BarFilter(sort=sort))
    with pytest.raises(InvalidInput, match="no column"):
        lake.screen(ME, ScreenFilter(sort=sort))
