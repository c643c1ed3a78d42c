"""Reading in which form an answer is wanted."""

from __future__ import annotations

import pytest

from pipelines.agents.intent import Intent, read_intent


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Is Costco's liquidity healthy?", {"yes_no": True}),
        ("Did Pfizer's debt go up in 2022?", {"yes_no": True, "direction": 1}),
        ("Did AMD's gross margin decline?", {"yes_no": True, "direction": -1}),
        ("Does AMD have positive working capital?", {"yes_no": True, "sign": 1}),
        ("Which company had the highest net margin?", {"extreme": 1}),
        ("Which segment was the smallest?", {"extreme": -1}),
        ("Which product grew fastest?", {"extreme": 1, "by_growth": True}),
        ("What is the 3 year average of capex?", {"average": True}),
        ("What is the revenue CAGR?", {"cagr": True}),
        ("What drove the change?", {"why": True}),
        ("What was the return by calendar year?", {"yearly": True}),
        ("What was Apple's revenue in 2022?", {}),
    ],
)
def test_the_form_of_an_answer_is_read_from_the_words(text: str, wanted: dict[str, object]) -> None:
    found = read_intent(text)
    plain = Intent()
    for name in ("yes_no", "extreme", "average", "cagr", "why", "yearly", "sign"):
        assert getattr(found, name) == wanted.get(name, getattr(plain, name)), name
    assert found.direction == wanted.get("direction", found.direction)
    assert found.by_growth >= bool(wanted.get("by_growth"))
