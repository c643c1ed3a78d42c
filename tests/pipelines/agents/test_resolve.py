"""What a question may see of the library."""

from __future__ import annotations

from datetime import UTC, date, datetime

from pipelines.agents.resolve import known_documents, why_left_out
from tieout.model import Document

AS_OF = date(2021, 1, 4)


def document(name: str, filed_on: date | None = None, period_end: date | None = None) -> Document:
    made = datetime(2024, 1, 1, tzinfo=UTC)
    return Document(name, "home", name, "0" * 64, "text/markdown", 1, 1, made, filed_on=filed_on, period_end=period_end)


OLD = document("old.md", filed_on=date(2020, 10, 30), period_end=date(2020, 9, 26))
LATE = document("late.pdf", filed_on=date(2021, 10, 29), period_end=date(2020, 12, 26))
UNFILED = document("fy2023.md", period_end=date(2023, 9, 30))
UNDATED = document("notes.md")


def test_a_document_without_a_filing_date_is_known_from_its_period_end():
    """An FY2023 filing in Markdown is no answer of January 2021."""
    assert known_documents([OLD, LATE, UNFILED, UNDATED], AS_OF, asked=True) == [OLD]
    assert UNFILED in known_documents([UNFILED], date(2023, 9, 30), asked=True)


def test_a_document_without_any_date_counts_only_when_no_day_was_asked_for():
    assert known_documents([UNDATED, UNFILED], AS_OF, asked=False) == [UNDATED]


def test_what_is_left_out_is_named_with_its_day():
    said = why_left_out([LATE, UNFILED, UNDATED], AS_OF)
    assert "4 January 2021" in said
    assert "late.pdf was filed on 29 October 2021" in said
    assert "fy2023.md is for the period to 30 September 2023" in said
    assert "notes.md has no date" in said
