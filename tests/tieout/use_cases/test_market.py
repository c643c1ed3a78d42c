"""Prices are previewed, imported and read."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from tests.support.desk import MEMBER, VIEWER
from tieout.application import Application
from tieout.model import SeriesKey
from tieout.ports import ImportOptions


def test_a_preview_writes_nothing(desk: Application, prices: Path) -> None:
    assert desk.preview_bars(MEMBER, prices, ImportOptions(adjustment="none")).new == 6
    assert desk.series(VIEWER) == []
    desk.import_bars(MEMBER, prices, ImportOptions(adjustment="none"))
    assert [series.key.ticker for series in desk.series(VIEWER, "aapl")] == ["AAPL"]
    assert desk.bars(VIEWER, SeriesKey("AAPL", "prices", "none"), start=date(2020, 1, 3)).num_rows == 2
