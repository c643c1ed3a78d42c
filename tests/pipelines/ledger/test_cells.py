"""Number cells: what is one, what is not, and what it says."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.ledger.cells import cell_of, cells_in


@pytest.mark.parametrize(
    ("text", "number", "decimals", "percent"),
    [
        ("1,234", "1234", 0, False),
        ("$ (2,847)", "-2847", 0, False),
        ("$(12.5)", "-12.5", 1, False),
        ("(8) %", "-8", 0, True),
        ("(1.0)%", "-1.0", 1, True),
        ("(2%)", "-2", 0, True),
        ("-12.3%", "-12.3", 1, True),
        ("0.27", "0.27", 2, False),
        ("—", "0", 0, False),
        ("€ 5", "5", 0, False),
    ],
)
def test_a_cell_is_read_with_sign_decimals_and_percent(text: str, number: str, decimals: int, percent: bool) -> None:
    cell = cell_of(text)
    assert cell is not None
    assert (cell.number, cell.decimals, cell.percent) == (Decimal(number), decimals, percent)


@pytest.mark.parametrize("text", ["(36", "5)", "1,23", "2021—$492", "Note-7", "10,175)", "12,3456", "A1", "(1)(2)"])
def test_words_of_a_label_are_no_cells(text: str) -> None:
    assert cell_of(text) is None


def test_a_dash_is_zero_and_not_meaningful_has_no_number() -> None:
    dash, none = cell_of("—"), cell_of("N/A")
    assert dash is not None
    assert (dash.number, dash.dash) == (Decimal(0), True)
    assert none is not None
    assert none.number is None


def test_footnote_markers_are_recognised_as_possible() -> None:
    first, *rest = cells_in("Mac (1) 40,177")
    assert first.is_footnote
    assert not any(cell.is_footnote for cell in rest)


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=2), st.booleans(), st.booleans())
def test_every_printed_form_reads_back_to_its_number(value: Decimal, dollar: bool, spaced: bool) -> None:
    body = f"{abs(value):,}"
    body = f"({body})" if value < 0 else body
    text = ("$" + (" " if spaced else "") if dollar else "") + body
    cell = cell_of(text)
    assert cell is not None
    assert cell.number == value
    line = f"Some label {text} tail"
    assert [line[c.start : c.end] for c in cells_in(line)] == [text]


@given(st.text(max_size=200))
def test_any_text_gives_cells_that_stand_where_they_say(text: str) -> None:
    for cell in cells_in(text):
        assert text[cell.start : cell.end] == cell.text
