"""The library's page finds passages and says why, shows pages and pieces, and reads new files in."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.dashboards.conftest import ADA, Site
from tests.support.browser import Visit


def test_a_search_says_why_each_passage_came_up_and_leads_to_its_page(tab: Visit) -> None:
    page = tab.open("/library")
    box = page.get_by_label("Search", exact=True).first
    box.fill("iPhone net sales in fiscal 2022")
    box.press("Enter")
    expect(page.get_by_text("passages, the best first")).to_be_visible()
    page.get_by_text("Why it came up").first.click()
    expect(page.get_by_text("by words (BM25)").first).to_be_visible()
    page.get_by_role("link", name="1.").or_(page.get_by_role("link", name="APPLE_2022_10K, page")).first.click()
    expect(page.get_by_role("img", name="APPLE_2022_10K.pdf, page")).to_be_attached()


def test_a_file_is_read_in_and_a_bad_one_refused_by_name(site: Site, tab: Visit) -> None:
    page = tab.open("/library")
    page.locator("input[type=file]").set_input_files(
        [
            {"name": "memo.md", "mimeType": "text/markdown", "buffer": b"# Memo\n\nRevenue was 12 million dollars.\n"},
            {"name": "broken.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4 nothing"},
        ]
    )
    expect(page.get_by_text("memo.md added")).to_be_visible()
    expect(page.get_by_text("broken.pdf refused")).to_be_visible()
    assert any(one.name == "memo.md" for one in site.desk.documents(ADA))
