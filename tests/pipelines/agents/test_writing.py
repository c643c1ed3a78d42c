"""How much of a draft a short answer keeps."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from pipelines.agents.evidence import Scope
from pipelines.agents.writing import _overview, short
from tieout.model import Claim, Draft, Instrument

APPLE, AMAZON = Instrument("AAPL", "Apple Inc.", "AAPL"), Instrument("AMZN", "Amazon.com, Inc.", "AMZN")
FIVE = Draft("How?", tuple(Claim("Answer", f"Sentence {n}.") for n in range(5)), ())


def test_a_short_overview_leads_with_three_sentences() -> None:
    assert short(FIVE, overview=True) == replace(FIVE, answer=FIVE.answer[:3])


def test_what_was_asked_for_by_name_is_never_cut() -> None:
    assert short(FIVE, overview=False).answer == FIVE.answer


@pytest.mark.parametrize(
    ("question", "companies", "overview"),
    [
        ("How is Apple doing?", (APPLE,), True),
        ("What were Apple's revenue, net income, cash, inventories and R&D?", (APPLE,), False),
        ("How are Apple and Amazon doing?", (APPLE, AMAZON), False),
    ],
)
def test_an_overview_names_one_company_and_nothing_in_particular(
    question: str, companies: tuple[Instrument, ...], overview: bool
) -> None:
    assert _overview(question, Scope(companies, (), (), date(2024, 11, 29))) is overview
