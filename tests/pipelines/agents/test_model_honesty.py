"""From the wire to the ledger: a number that a model invents is never shown as tied, and goes back once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from pipelines.agents.model_writer import ModelWriter
from pipelines.agents.writer import Brief
from pipelines.ledger.match_book import SourceBook
from pipelines.ledger.tie_out import open_numbers, tie_out
from pipelines.providers.openai_compatible import OpenAICompatible
from tests.support.fake_openai import FakeOpenAI, says
from tieout.model import (
    Document,
    Draft,
    Fact,
    Figure,
    Instrument,
    Ledger,
    ModelAnswer,
    Number,
    NumberStatus,
    Page,
    Period,
    Span,
)

TEXT = (
    "CONSOLIDATED STATEMENTS OF OPERATIONS\n(In millions)\nYears ended\n"
    "September 24, 2022 September 25, 2021\nTotal net sales $ 394,328 $ 365,817\n"
)
START = TEXT.index("Total")
DOCUMENT = Document(
    "doc1", "default", "apple.pdf", "0" * 64, "application/pdf", 1, 1, datetime(2024, 1, 2, tzinfo=UTC),
    instrument_id="i1", company="Apple Inc.", ticker="AAPL", form="10-K", fiscal_year=2022,
    period_end=date(2022, 9, 24),
)  # fmt: skip
ROW = Span("s_row", "doc1", "apple", "0" * 64, 1, START, len(TEXT) - 1, TEXT[START:-1])
APPLE = Instrument("i1", "Apple Inc.", "AAPL", fiscal_year_end="09-30")


def figure(text: str, millions: int, year: int, end: date) -> Figure:
    start = TEXT.index(text)
    return Figure(
        f"fig{year}", "doc1", 1, start, start + len(text), text, Decimal(millions) * 10**6, "USD", 10**6, 0,
        "Total net sales", table="CONSOLIDATED STATEMENTS OF OPERATIONS", concept="revenue", row_start=START,
        row_end=len(TEXT) - 1, period=Period("year", fiscal_year=year, end=end, label=f"fiscal {year}"),
    )  # fmt: skip


FIGURES = [figure("394,328", 394_328, 2022, date(2022, 9, 24)), figure("365,817", 365_817, 2021, date(2021, 9, 25))]
GROWTH = Fact(
    "f_growth", "AAPL revenue growth", Decimal("0.0779"), "fraction", "7.8 %", "m", "select 1", "figures@1",
    date(2022, 9, 24), period=FIGURES[0].period, instrument="AAPL", measure="revenue_growth",
)  # fmt: skip
BRIEF = Brief(
    "How did Apple's sales change?", date(2022, 12, 30), (APPLE,), (GROWTH,), tuple(FIGURES),
    {figure.id: ROW for figure in FIGURES},
)  # fmt: skip


class Context:
    """What the writer needs of a StepContext, over the real provider."""

    def __init__(self, provider: OpenAICompatible) -> None:
        self.provider = provider

    def call_model(self, key: str, messages: Any, *, max_tokens: int) -> ModelAnswer:
        return self.provider.complete(messages, max_tokens=max_tokens)


def tied(draft: Draft) -> tuple[Ledger, list[Number]]:
    book = SourceBook([DOCUMENT], {"doc1": [Page("doc1", 1, TEXT)]}, {"doc1": FIGURES}, [APPLE])
    _, ledger = tie_out(draft, [GROWTH], book, [ROW])
    return ledger, [number for claim in ledger.claims for number in claim.numbers]


def sentence(text: str) -> str:
    return json.dumps({"answer": [{"text": text, "cites": ["S1"]}]})


@pytest.fixture
def server() -> Iterator[FakeOpenAI]:
    with FakeOpenAI(says("")) as server:
        yield server


@pytest.fixture
def context(server: FakeOpenAI) -> Iterator[Any]:
    with closing(OpenAICompatible(server.url, "test-model", timeout_s=10)) as provider:
        yield Context(provider)


def test_a_faithful_sentence_ties_whole(server: FakeOpenAI, context: Any) -> None:
    server.replies = [says(sentence("Apple's total net sales rose {fact:F1} to $394,328 million in fiscal 2022."))]

    ledger, numbers = tied(ModelWriter().write(context, BRIEF))

    assert [number.status for number in numbers] == [NumberStatus.TIED, NumberStatus.TIED]
    assert [number.source.kind for number in numbers if number.source] == ["fact", "span"]
    assert ledger.claims[0].text == "Apple's total net sales rose 7.8 % to $394,328 million in fiscal 2022."


@pytest.mark.parametrize(
    "invented",
    [
        "Apple's total net sales were $1 trillion in fiscal 2022.",
        "Apple's total net sales were $365,817 million in fiscal 2022.",
        "Apple's total net sales were $394,328 billion in fiscal 2022.",
        "Apple's total net sales were €394,328 million in fiscal 2022.",
        "Apple's total net sales fell by $394,328 million in fiscal 2022.",
        "Apple's operating income was $394,328 million in fiscal 2022.",
        "Microsoft's total net sales were $394,328 million in fiscal 2022.",
        "Apple's total net sales will be $394,328 million in fiscal 2030.",
        "Apple's total net sales rose 12.5 % in fiscal 2022.",
        "Apple employed 164,000 people in fiscal 2022.",
        "Apple's total net sales were nine hundred billion dollars in fiscal 2022.",
    ],
)
def test_an_invented_number_is_not_tied(server: FakeOpenAI, context: Any, invented: str) -> None:
    server.replies = [says(sentence(invented))]

    ledger, numbers = tied(ModelWriter().write(context, BRIEF))

    assert numbers
    assert NumberStatus.TIED not in [number.status for number in numbers]
    assert open_numbers(ledger)


def test_what_the_ledger_finds_goes_back_and_the_corrected_draft_ties(server: FakeOpenAI, context: Any) -> None:
    server.replies = [
        says(sentence("Apple's total net sales were $410,000 million in fiscal 2022.")),
        says(sentence("Apple's total net sales were $394,328 million in fiscal 2022.")),
    ]
    writer = ModelWriter()
    first = writer.write(context, BRIEF)
    errors = open_numbers(tied(first)[0])

    second = writer.write(context, BRIEF, errors, first)

    assert "410,000" in server.requests[1].body["messages"][-1]["content"]
    assert [number.status for number in tied(second)[1]] == [NumberStatus.TIED]
