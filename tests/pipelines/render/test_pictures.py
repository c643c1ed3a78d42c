"""Pictures of quoted places, cut from the sample pack's real pages."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from importlib.resources import files
from pathlib import Path

import pytest
from PIL import Image

from pipelines.ingest.pdf import read_pdf
from pipelines.render.pictures import page_pictures
from tieout.model import Draft, Ledger, Page, Report, Span

PDF = Path(str(files("tieout"))) / "sample_pack" / "filings" / "APPLE_2022_10K.pdf"


@pytest.fixture(scope="module")
def page() -> Page:
    raw = read_pdf(PDF.read_bytes()).pages[31]
    return Page("doc", raw.number, raw.text)


def report(page: Page, quote: str) -> Report:
    start = page.text.index(quote)
    span = Span("s1", "doc", "Apple", "0" * 64, page.number, start, start + len(quote), quote)
    return Report("run", "?", date(2024, 11, 29), Draft("t", (), ()), Ledger((), (), (span,)))


def test_a_quotation_is_cut_from_its_page_and_shaded(page: Page) -> None:
    made = page_pictures(report(page, "Total net sales 394,328"), [page], lambda _: PDF.read_bytes())
    image = Image.open(io.BytesIO(made["s1"])).convert("RGB")
    colours = [colour for _, colour in image.getcolors(1 << 20) or []]
    assert 40 < image.height < 200 < image.width
    assert any(red - blue > 15 for red, _, blue in colours), "nothing is shaded"


def test_the_same_place_gives_the_same_bytes(page: Page) -> None:
    one = report(page, "Net income $ 99,803")
    assert page_pictures(one, [page], lambda _: PDF.read_bytes()) == page_pictures(
        one, [page], lambda _: PDF.read_bytes()
    )


def test_a_page_whose_characters_differ_from_the_stored_text_gives_no_picture(page: Page) -> None:
    changed = replace(page, text=page.text.replace("394,328", "1,000,000,000"))
    assert page_pictures(report(changed, "Total net sales 1,000"), [changed], lambda _: PDF.read_bytes()) == {}


def test_a_document_that_is_no_pdf_gives_no_picture(page: Page) -> None:
    assert page_pictures(report(page, "Total net sales"), [page], lambda _: None) == {}


def test_reports_drawn_at_the_same_time_do_not_disturb_one_another(page: Page) -> None:
    """pdfium is not made for threads: without a lock this ends the process."""
    one, data = report(page, "Net income $ 99,803"), PDF.read_bytes()
    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(lambda _: page_pictures(one, [page], lambda _: data), range(24)))
    assert all(pictures == made[0] for pictures in made) and made[0]


def test_a_file_that_cannot_be_drawn_gives_no_picture(page: Page) -> None:
    data = PDF.read_bytes()
    for broken in (b"no PDF", data[: len(data) // 4]):
        assert page_pictures(report(page, "Total net sales"), [page], lambda _, broken=broken: broken) == {}


def test_a_page_that_claims_to_be_miles_wide_is_not_drawn() -> None:
    quote = "Revenue was $5 million."
    data = _wide_pdf(quote, 14_000)
    wide = Page("doc", 1, read_pdf(data).pages[0].text)
    assert page_pictures(report(wide, quote), [wide], lambda _: data) == {}


def _wide_pdf(text: str, width: float) -> bytes:
    from reportlab.pdfgen.canvas import Canvas

    out = io.BytesIO()
    canvas = Canvas(out, pagesize=(width, 792))
    canvas.drawString(72, 700, text)
    canvas.save()
    return out.getvalue()
