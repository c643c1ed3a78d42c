"""A table for which a platform has no room keeps every cell, under the names of its columns."""

from hypothesis import given
from hypothesis import strategies as st

from bots.render.blocks import Table
from bots.render.pieces import units
from bots.render.tables import aligned_parts, listed
from bots.render.text import of_table, squeezed

_CELLS = st.text(st.sampled_from("ab 1,.%€漢👩é"), max_size=12)
_TABLES = st.integers(1, 6).flatmap(
    lambda width: st.lists(st.tuples(*[_CELLS] * width), min_size=1, max_size=30).map(lambda rows: Table(tuple(rows)))
)


def parts(table: Table, *, widest: int = 100, most: int = 400) -> list[str]:
    return aligned_parts(table, widest=widest, most=most, size=units)


@given(_TABLES)
def test_the_aligned_parts_hold_all_rows_below_the_header(table: Table) -> None:
    found = parts(table)
    lines = [part.split("\n") for part in found]
    assert all(units(part) <= 400 for part in found)
    assert all(part[:2] == lines[0][:2] for part in lines)
    rows = [line for part in lines for line in part[2:]]
    assert not found or squeezed("".join([lines[0][0], *rows])) == squeezed(of_table(table))


@given(_TABLES)
def test_what_is_listed_is_every_cell_once_and_names_again(table: Table) -> None:
    spans = [span for text in listed(table) for span in text.spans]
    assert squeezed("".join(span.text for span in spans if not span.repeated)) == squeezed(of_table(table))


def test_a_table_that_is_too_wide_has_no_aligned_parts() -> None:
    assert parts(Table((("a" * 101,),))) == []
    assert parts(Table((("a", "b"), ("x" * 60, "y" * 60)))) == []


def test_a_cell_is_listed_behind_its_columns_name() -> None:
    _, row = listed(Table((("Company", "Revenue"), ("Apple", "1,000"))))
    assert "".join(span.text for span in row.spans) == "Company: Apple\nRevenue: 1,000\n"


def test_columns_are_below_each_other_whatever_their_letters_take() -> None:
    (part,) = parts(Table((("Name", "N"), ("漢字", "1"), ("é", "2"))))
    assert part == "Name  N\n────  ─\n漢字  1\né     2"
