"""Questions are read for years, quarters, forms and the pages that they ask for."""

from datetime import UTC, date, datetime

import pytest

from pipelines.registry.catalog import built_in
from pipelines.registry.lookup import Lookup
from pipelines.retrieval.features import read_features
from pipelines.retrieval.lexicon import expand
from pipelines.retrieval.narrow import candidates
from pipelines.retrieval.query import read_query
from tieout.model import Document

KNOWN = Lookup(built_in())


@pytest.mark.parametrize(
    ("text", "years", "quarters"),
    [
        ("capex in FY2022", (2022,), ()),
        ("FY22 vs fiscal 2021", (2021, 2022), ()),
        ("growth from 2019 to 2021", (2019, 2020, 2021), ()),
        ("Q3 2023 revenue", (2023,), (3,)),
        ("2024Q1 and 3Q23", (2023, 2024), (1, 3)),
        ("third quarter of fiscal 2023", (2023,), (3,)),
        ("sales of 2,022 units at $2021 and 1999.5", (), ()),
        ("how is liquidity?", (), ()),
    ],
)
def test_periods_are_read(text: str, years: tuple[int, ...], quarters: tuple[int, ...]) -> None:
    query = read_query(text, ())
    assert (query.years, query.quarters) == (years, quarters)


def test_names_leave_the_words_and_filings_words_come_in() -> None:
    query = read_query("What is Apple's capex?", KNOWN.mentioned("Apple"))
    assert "Apple" not in query.words and "property" in query.words and query.pages["cashflow"] == 1.0


def test_forms_are_read() -> None:
    assert read_query("in the 10K and the 8-K", ()).forms == ("10-K", "8-K")


def test_an_empty_rest_falls_back_to_the_question() -> None:
    assert expand("what is")[0] == "what is"


def test_proper_names_are_told_from_finance_words() -> None:
    question = "What was Apple's iPhone revenue in Greater China in FY2022?"
    assert read_query(question, KNOWN.mentioned("Apple")).special == (
        "iphone", "greater", "china"
    )  # fmt: skip
    assert read_query("What is the R&D expense and EPS for Q3 2022, and FCF?", ()).special == ()


def document(year: int | None, *, quarter: int | None = None, form: str = "10-K", company: str = "a") -> Document:
    name = f"{company}{year}{quarter}{form}"
    return Document(
        name, "w", "n", "0", "x", 1, 1, datetime(2024, 1, 1, tzinfo=UTC),
        instrument_id=company, form=form, fiscal_year=year, fiscal_quarter=quarter,
        period_end=date(year, 12, 31) if year else None,
    )  # fmt: skip


LIBRARY = [document(2021), document(2022), document(2023, quarter=1, form="10-Q"), document(2022, company="b")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2022", ["a2022None10-K"]),
        ("2020", ["a2021None10-K"]),
        ("2019", ["a2021None10-K"]),
        ("2021 and 2022", ["a2021None10-K", "a2022None10-K"]),
        ("Q1 2023", ["a2023110-Q"]),
        ("2010", ["a2021None10-K", "a2022None10-K", "a2023110-Q"]),
        ("anything", ["a2021None10-K", "a2022None10-K", "a2023110-Q"]),
        ("the 10-Q", ["a2023110-Q"]),
    ],
)
def test_documents_are_narrowed_by_period_with_neighbours_that_cover_it(text: str, expected: list[str]) -> None:
    assert [found.id for found in candidates(LIBRARY, read_query(text, ()), "a")] == expected


def test_a_statement_is_told_from_its_mention() -> None:
    rows = "\n".join(f"Row {number} 1,234 2,345" for number in range(12))
    statement = (
        "Apple Inc.\nCONSOLIDATED STATEMENTS OF CASH FLOWS\n(In millions)\n"
        f"Operating activities:\nDepreciation 1,111 2,222\n{rows}\nInvesting activities:\nFinancing activities:\n"
        "Cash, end of year 1,000 2,000"
    )
    assert read_features(statement).kinds["cashflow"] > 0.9
    assert "cashflow" not in read_features("See our consolidated statements of cash flows for more.").kinds
    index = "Index to Consolidated Financial Statements\nConsolidated Statements of Cash Flows 36\nBalance Sheets 35"
    assert read_features(index).contents
