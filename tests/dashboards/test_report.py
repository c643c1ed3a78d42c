"""The report's page shows what each number rests on, keeps corrections, and says what changed between two reports."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from playwright.sync_api import expect

from dashboards.ledger import compare
from tests.dashboards.conftest import ADA, QUESTION, Site
from tests.support.browser import Visit
from tieout.model import NumberStatus, RunRequest
from tieout.use_cases.ledgers import numbers_of


def number_of(site: Site, kind: str) -> int:
    found = numbers_of(site.desk.ledger(ADA, site.run.id))
    return next(at for at, (_, number) in enumerate(found, 1) if number["source"]["kind"] == kind)


def test_the_permalink_leads_to_the_report_whose_numbers_open_their_source(site: Site, tab: Visit) -> None:
    page = tab.open(f"/runs/{site.run.id}")
    page.wait_for_url(f"**/report?run={site.run.id}")
    report = page.frame_locator("iframe[title='The report']")
    report.locator("a.n").first.click()
    expect(report.get_by_role("dialog", name="Source of the number")).to_be_visible()


def test_a_computed_number_shows_its_sql_snapshot_rows_and_the_pages_behind_them(site: Site, tab: Visit) -> None:
    page = tab.open(f"/report?run={site.run.id}&number={number_of(site, 'fact')}")
    expect(page.get_by_role("heading", name="SQL")).to_be_visible()
    expect(page.get_by_text("SELECT", exact=False).first).to_be_visible()
    expect(page.get_by_text("figures@", exact=False).first).to_be_visible()
    expect(page.get_by_role("heading", name="Rows of figures")).to_be_visible()


def test_a_quoted_number_shows_the_page_with_the_quotation_marked(site: Site, tab: Visit) -> None:
    page = tab.open(f"/report?run={site.run.id}&number={number_of(site, 'span')}")
    picture = page.get_by_role("img", name="marked")
    picture.scroll_into_view_if_needed()
    page.wait_for_function(
        "() => { const all = []; const walk = (r) => { for (const e of r.querySelectorAll('*')) {"
        "if (e.tagName === 'IMG') all.push(e); if (e.shadowRoot) walk(e.shadowRoot) } }; walk(document);"
        "return all.some((one) => one.naturalWidth > 500) }"
    )


def test_a_reload_brings_the_chosen_number_back(site: Site, tab: Visit) -> None:
    page = tab.open(f"/report?run={site.run.id}")
    page.get_by_label("Number", exact=True).select_option(index=2)
    expect(page.get_by_role("heading", name="Number 2:")).to_be_visible()
    page.wait_for_url("**number=2**")
    page.reload()
    expect(page.get_by_role("heading", name="Number 2:")).to_be_visible()


def test_a_wrong_tie_is_corrected_with_its_reason_which_everybody_sees(site: Site, tab: Visit) -> None:
    page = tab.open(f"/report?run={site.run.id}&number=1")
    page.get_by_role("button", name="Keep the correction").click()
    expect(page.get_by_role("alert")).to_contain_text("Say why")
    page.get_by_label("Reason").fill("It is of another year")
    page.get_by_label("Reason").press("Tab")
    page.get_by_role("button", name="Keep the correction").click()
    expect(page.get_by_text("It is of another year")).to_be_visible()
    (kept,) = site.desk.corrections(ADA, site.run.id)
    assert (kept.number, kept.status, kept.by) == (1, NumberStatus.OPEN, "ada")
    page.reload()
    expect(page.get_by_text("open (corrected)")).to_be_visible()


def test_the_numbers_are_exported_as_they_are(site: Site, tab: Visit, tmp_path: Path) -> None:
    page = tab.open(f"/report?run={site.run.id}")
    for ending, read in (("csv", pl.read_csv), ("parquet", pl.read_parquet)):
        with page.expect_download() as download:
            page.get_by_role("button", name=f"Export numbers.{ending}").click()
        file = tmp_path / download.value.suggested_filename
        download.value.save_as(file)
        assert read(file).height == len(numbers_of(site.desk.ledger(ADA, site.run.id)))


def test_two_reports_of_one_question_are_compared(site: Site, tab: Visit) -> None:
    earlier = site.desk.start_run(ADA, RunRequest(QUESTION, as_of=site.desk.series(ADA)[0].last.replace(2024, 6, 28)))
    assert site.desk.wait(ADA, earlier.id, timeout_s=60).state.final
    old, new = site.desk.ledger(ADA, earlier.id), site.desk.ledger(ADA, site.run.id)
    found = compare(old, new)
    assert found.same > 20
    assert any("total return" in one.name and one.what == "moved" for one in found.numbers)
    page = tab.open(f"/report?run={site.run.id}&with={earlier.id}")
    expect(
        page.get_by_text(f"{found.same} computed numbers are the same, {len(found.numbers)} are not.")
    ).to_be_visible()
