"""Answers that choose, as sentences: which company, which part, yes or no."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from pipelines.agents.compose_answers import comparison, parts_answer, verdict
from pipelines.agents.evidence import Line
from pipelines.agents.intent import read_intent
from pipelines.agents.wording import called, period_words, were
from tieout.model import Fact, Figure, Instrument, Period

YEAR = Period("year", 2022)


def company(ticker: str) -> str:
    return {"WMT": "Walmart", "COST": "Costco", "AAPL": "Apple"}[ticker]


def fact(name: str, value: str, display: str) -> Fact:
    return Fact(name, name, Decimal(value), "fraction", display, "", "SELECT 1", "figures@1", date(2024, 11, 29))


def part(name: str, value: int) -> Figure:
    return Figure(name, "doc", 1, 0, 1, str(value), Decimal(value), "USD", 1, 0, name, period=YEAR, dimension=name)


def test_the_higher_of_two_is_named_with_both_amounts() -> None:
    facts = {one.id: one for one in (fact("w", "0.045", "4.5%"), fact("c", "0.034", "3.4%"))}
    lines = [
        Line("COST", "operating_margin", "operating margin", YEAR, now_fact="c"),
        Line("WMT", "operating_margin", "operating margin", YEAR, now_fact="w"),
    ]
    claims, told = comparison(lines, facts, company, read_intent("Which has the higher operating margin?"))
    assert [claim.text for claim in claims] == [
        "In fiscal 2022, Walmart's operating margin was the higher: {fact:w}, against {fact:c} for Costco."
    ]
    assert told == set(lines)


def test_the_lowest_is_named_when_it_is_asked_for() -> None:
    facts = {one.id: one for one in (fact("w", "0.045", "4.5%"), fact("c", "0.034", "3.4%"))}
    lines = [
        Line("WMT", "net_margin", "net margin", YEAR, now_fact="w"),
        Line("COST", "net_margin", "net margin", YEAR, now_fact="c"),
    ]
    claims, _ = comparison(lines, facts, company, read_intent("Which has the lowest net margin?"))
    assert claims[0].text.startswith("In fiscal 2022, Costco's net margin was the lower: {fact:c}")


def test_the_largest_part_is_named_with_its_share() -> None:
    facts = {
        one.id: one
        for one in (fact("a", "170", "$170 million"), fact("e", "95", "$95 million"), fact("s", "0.43", "43.0%"))
    }
    lines = [
        Line("AAPL", "segment_revenue", "Europe net sales", YEAR, part("Europe", 95), now_fact="e", group="segments"),
        Line(
            "AAPL", "segment_revenue", "Americas net sales", YEAR, part("Americas", 170), now_fact="a", share="s",
            group="segments",
        ),
    ]  # fmt: skip
    told = parts_answer(lines, facts, company, read_intent("Which segment was the largest?"))
    assert [claim.text for claim in told] == [
        "Americas was Apple's largest segment by revenue in fiscal 2022: {fact:a}, or {fact:s} of the total, "
        "ahead of Europe with {fact:e}."
    ]


def test_no_part_is_called_the_largest_when_parts_are_missing() -> None:
    facts = {one.id: one for one in (fact("a", "170", "$170 million"), fact("e", "95", "$95 million"))}
    lines = [
        Line("AAPL", "segment_revenue", "x", YEAR, part("Europe", 95), now_fact="e", group="some regions"),
        Line("AAPL", "segment_revenue", "y", YEAR, part("Americas", 170), now_fact="a", group="some regions"),
    ]
    told = parts_answer(lines, facts, company, read_intent("Which region was the largest?"))
    assert told[0].text == "Apple's revenue by region in fiscal 2022 was {fact:e} in Europe and {fact:a} in Americas."


def test_yes_and_no_follow_the_numbers() -> None:
    facts = {one.id: one for one in (fact("n", "1.02", "1.02x"), fact("b", "1.00", "1.00x"))}
    line = Line("COST", "current_ratio", "current ratio", YEAR, now_fact="n", before_fact="b")

    def said(question: str) -> str:
        return verdict(question, [line], facts, read_intent(question))

    assert said("Is the liquidity healthy?") == (
        "Yes, by the current ratio: current assets cover current liabilities. "
    )
    assert said("Did it go up?") == "Yes. "
    assert said("Did it fall?") == "No. "
    assert said("What was it?") == ""


def test_words_fit_their_labels() -> None:
    assert [were(label) for label in ("total revenues", "growth rate of net sales", "days of payables")] == [
        "were", "was", "were",
    ]  # fmt: skip
    nine = Period("months", months=9, end=date(2023, 7, 1))
    assert period_words(nine) == "the nine months to 1 July 2023"
    assert called(Instrument("COST", "Costco Wholesale Corporation", "COST", ("Costco",))) == "Costco"
