"""Reads the real filings beside the checkout, when they are there, into documents, pages and figures."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

from pipelines.ledger.figures import read_figures
from tieout.model import Document, Figure, Page

FOLDER = Path(__file__).parents[3] / "../shared/data/filings"
# file → ticker, fiscal year, fiscal quarter, period end, filed on
FILINGS: dict[str, tuple[str, int, int | None, date, date]] = {
    "AMAZON_2021_10K": ("AMZN", 2021, None, date(2021, 12, 31), date(2022, 2, 4)),
    "AMAZON_2022_10K": ("AMZN", 2022, None, date(2022, 12, 31), date(2023, 2, 3)),
    "AMD_2021_10K": ("AMD", 2021, None, date(2021, 12, 25), date(2022, 2, 3)),
    "APPLE_2021_10K": ("AAPL", 2021, None, date(2021, 9, 25), date(2021, 10, 29)),
    "APPLE_2022_10K": ("AAPL", 2022, None, date(2022, 9, 24), date(2022, 10, 28)),
    "APPLE_2023Q3_10Q": ("AAPL", 2023, 3, date(2023, 7, 1), date(2023, 8, 4)),
    "BESTBUY_2022_10K": ("BBY", 2022, None, date(2022, 1, 29), date(2022, 3, 18)),
    "COSTCO_2022_10K": ("COST", 2022, None, date(2022, 8, 28), date(2022, 10, 5)),
    "MICROSOFT_2021_10K": ("MSFT", 2021, None, date(2021, 6, 30), date(2021, 7, 29)),
    "MICROSOFT_2022_10K": ("MSFT", 2022, None, date(2022, 6, 30), date(2022, 7, 28)),
    "NETFLIX_2022_10K": ("NFLX", 2022, None, date(2022, 12, 31), date(2023, 1, 26)),
    "PFIZER_2022_10K": ("PFE", 2022, None, date(2022, 12, 31), date(2023, 2, 23)),
    "WALMART_2022_10K": ("WMT", 2022, None, date(2022, 1, 31), date(2022, 3, 18)),
    "WALMART_2024Q1_10Q": ("WMT", 2024, 1, date(2023, 4, 30), date(2023, 6, 2)),
}


def present() -> bool:
    """Whether the filings are on this machine."""
    return FOLDER.is_dir()


def document_of(name: str, pages: int = 1) -> Document:
    """Return the document record that ingestion would give a filing."""
    ticker, year, quarter, end, filed = FILINGS[name]
    return Document(
        id=f"doc_{name}",
        workspace="default",
        name=f"{name}.pdf",
        sha256="0" * 64,
        media_type="application/pdf",
        size=1,
        page_count=pages,
        ingested_at=datetime(2026, 1, 1, tzinfo=UTC),
        ticker=ticker,
        form="10-Q" if quarter else "10-K",
        fiscal_year=year,
        fiscal_quarter=quarter,
        period_end=end,
        filed_on=filed,
    )


@cache
def pages_of(name: str) -> tuple[Page, ...]:
    """Return the pages of a filing as pypdfium2 reads them."""
    import pypdfium2

    pdf = pypdfium2.PdfDocument(FOLDER / f"{name}.pdf")
    texts = []
    for index in range(len(pdf)):
        page = pdf[index]
        textpage = page.get_textpage()
        texts.append(textpage.get_text_range().replace("\r\n", "\n"))
        textpage.close()
        page.close()
    pdf.close()
    return tuple(Page(f"doc_{name}", number, text) for number, text in enumerate(texts, start=1))


@cache
def figures_of(name: str) -> tuple[Figure, ...]:
    """Return all figures of a filing."""
    pages = pages_of(name)
    return tuple(read_figures(document_of(name, len(pages)), pages))
