"""The market's page draws prices and compares them, looks over the whole lake, and exports all it shows."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from playwright.sync_api import expect

from tests.dashboards.conftest import ADA, Site
from tests.support.browser import Visit
from tieout.ports import BarFilter


def test_a_series_is_chosen_by_keyboard_and_its_contract_shown(tab: Visit) -> None:
    page = tab.open("/market")
    chosen = page.get_by_label("Series", exact=True)
    expect(chosen).to_have_value("AAPL/mplfinance/splits")
    chosen.focus()
    chosen.select_option("SPY/pyportfolioopt/splits_dividends")
    expect(page.get_by_text("their level is no price that was paid")).to_be_visible()
    page.wait_for_url("**series=**SPY**")
    page.reload()
    expect(page.get_by_label("Series", exact=True)).to_have_value("SPY/pyportfolioopt/splits_dividends")


def test_the_bars_are_filtered_where_they_are(site: Site, tab: Visit) -> None:
    page = tab.open("/market")
    _, count = site.desk.find_bars(ADA, BarFilter(("SPY",)), limit=1)
    box = page.get_by_label("Tickers")
    box.fill("spy")
    box.press("Enter")
    expect(page.get_by_text(f"{count:,} bars fit")).to_be_visible()
    page.get_by_label("From", exact=True).fill("yesterday")
    page.get_by_label("From", exact=True).press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("no day")


def test_a_chart_is_exported_as_png_and_html(tab: Visit, tmp_path: Path) -> None:
    page = tab.open("/market")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export prices.png").click()
    picture = tmp_path / "prices.png"
    download.value.save_as(picture)
    assert picture.read_bytes().startswith(b"\x89PNG")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export prices.html").click()
    file = tmp_path / "prices.html"
    download.value.save_as(file)
    assert "Bokeh" in file.read_text()
    assert "<script" in file.read_text()


def test_the_screener_keeps_what_fits(tab: Visit, tmp_path: Path) -> None:
    page = tab.open("/market?least_return=50")
    expect(page.get_by_label("Least return, %")).to_have_value("50")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export screener.parquet").click()
    file = tmp_path / "screener.parquet"
    download.value.save_as(file)
    found = pl.read_parquet(file)
    assert 0 < found.height < 22
    assert min(found["Return, %"]) >= 50
