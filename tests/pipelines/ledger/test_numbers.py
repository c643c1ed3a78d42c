"""Numbers in prose: what they state, how exactly, and what is no number claim."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.ledger.numbers import find_numbers

D = Decimal


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("Revenue was $394.3 billion.", "394300000000", "USD"),
        ("394,328 million", "394328000000", "number"),
        ("$394,328,000,000", "394328000000", "USD"),
        ("roughly 394 billion dollars", "394000000000", "USD"),
        ("grew 7.8 percent", "0.078", "fraction"),
        ("8 % of sales", "0.08", "fraction"),
        ("(8)% decline", "-0.08", "fraction"),
        ("a loss of (2,722)", "-2722", "number"),
        ("$ (2,722) million", "-2722000000", "USD"),
        ("\u2212$3.5 million", "-3500000", "USD"),
        ("1.2 percentage points", "0.012", "points"),
        ("65 basis points", "0.0065", "points"),
        ("$6.11 per diluted share", "6.11", "USD/share"),
        ("16.3 billion shares", "16300000000", "shares"),
        ("154,000 employees", "154000", "count"),
        ("traded at 1.24x", "1.24", "multiple"),
        ("€3.2m", "3200000", "EUR"),
        ("about two million customers", "2000000", "count"),
        ("a $1.5-billion deal", "1500000000", "USD"),
    ],
)
def test_a_number_states_value_and_unit(text: str, value: str, unit: str) -> None:
    found = find_numbers(text)
    assert [(m.value, m.unit) for m in found] == [(D(value), unit)]
    assert text[found[0].start : found[0].end] == found[0].text


@pytest.mark.parametrize(
    "text",
    [
        "In Item 7 of the 10-K for fiscal 2022, see Note 3 and page 32.",
        "On September 24, 2022 and 24 September 2022, in Q3 2022 and FY22.",
        "The S&P 500, its 200-day moving average, RSI(14) and the 52-week high.",
        "COVID-19, ISO 9001, Form 8-K, 401(k), iPhone 14 Pro, 5G and [1] (p. 32).",
        "See [the filing](https://example.com/2022/10) and `x = 5`.",
        "The three months ended June 30, 2022 and the second quarter.",
        "```\n1,000 dollars\n```",
        "A 10-for-1 split.",
    ],
)
def test_dates_references_and_names_are_no_claims(text: str) -> None:
    assert find_numbers(text) == []


def test_ranges_and_lists_share_scale_and_unit() -> None:
    assert [m.value for m in find_numbers("between 3 and 5 million")] == [D(3_000_000), D(5_000_000)]
    assert [m.value for m in find_numbers("36.3, 35.3 and 31.5 percent")] == [D("0.363"), D("0.353"), D("0.315")]
    assert [m.value for m in find_numbers("from $365.8 to $394.3 billion")] == [D("365.8e9"), D("394.3e9")]


def test_rounding_allows_what_prints_so_and_nothing_beyond() -> None:
    (mention,) = find_numbers("$394.3 billion")
    assert mention.allows(D("394328e6"))
    assert not mention.allows(D("394351e6"))
    assert not mention.allows(D("-394328e6"))
    assert mention.allows(D("-394328e6"), any_sign=True)


def test_approximate_words_say_on_which_side_the_source_lies() -> None:
    (nearly,) = find_numbers("nearly $400 billion")
    (over,) = find_numbers("more than $390 billion")
    assert nearly.allows(D("394328e6")) and not nearly.allows(D("401e9"))
    assert over.allows(D("394328e6")) and not over.allows(D("389e9"))
    assert not nearly.allows(D("365817e6"))


def test_a_cell_reads_parentheses_as_minus() -> None:
    assert find_numbers("(8%)", cell=True)[0].value == D("-0.08")
    assert find_numbers("(2,722)", cell=True)[0].value == -2722


@given(st.integers(1, 10**9), st.sampled_from(["", " million", " billion", "%", " percentage points"]))
def test_what_is_printed_is_read_back(value: int, suffix: str) -> None:
    """Any grouped integer with any suffix comes back with its value; its own value is always allowed."""
    factor = {"": D(1), " million": D(10**6), " billion": D(10**9)}.get(suffix, D("0.01"))
    (mention,) = find_numbers(
        f"It was ${value:,}{suffix}." if suffix in ("", " million", " billion") else f"It was {value:,}{suffix}."
    )
    assert mention.value == value * factor
    assert mention.allows(mention.value)


@given(st.text(max_size=200))
def test_any_text_is_read_without_error_and_verbatim(text: str) -> None:
    for mention in find_numbers(text):
        assert text[mention.start : mention.end] == mention.text
        assert mention.low <= mention.high
