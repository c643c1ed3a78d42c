"""When a figure can have been known."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from pipelines.ledger.figures import read_figures
from tieout.model import Document, Page

TABLE = "# Income\n\n| (in millions) | 2022 | 2021 |\n|---|---|---|\n| Net sales | 120 | 100 |\n"


@pytest.mark.parametrize(("filed_on", "known_on"), [(date(2023, 2, 1), date(2023, 2, 1)), (None, date(2022, 12, 31))])
def test_a_figure_is_known_when_its_document_was_filed_else_when_its_period_ended(
    filed_on: date | None, known_on: date
) -> None:
    made = datetime(2026, 1, 1, tzinfo=UTC)
    document = Document(
        "d", "w", "report.md", "0" * 64, "text/markdown", 1, 1, made,
        form="10-K", fiscal_year=2022, period_end=date(2022, 12, 31), filed_on=filed_on,
    )  # fmt: skip
    figures = read_figures(document, [Page("d", 1, TABLE)])
    assert figures
    assert {figure.known_on for figure in figures} == {known_on}
