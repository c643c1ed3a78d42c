"""Checks that headings of words are read only where one reading fits."""

from __future__ import annotations

from pipelines.ledger.column_words import column_words, segment_names
from pipelines.ledger.tables import read_tables


def test_words_are_cut_into_known_headings() -> None:
    assert column_words("United States Canada\nOther\nInternational Total", 4) == (
        "United States", "Canada", "Other International", "Total",
    )  # fmt: skip
    assert column_words("United States Canada Other International Total", 5) == (
        "United States", "Canada", "Other", "International", "Total",
    )  # fmt: skip


def test_unknown_or_doubtful_words_are_no_headings() -> None:
    assert column_words("United States Canada Gadgets Total", 4) is None
    assert column_words("Total Total", 2) is None
    assert column_words("United States", 3) is None


def test_segments_are_learnt_from_the_filing() -> None:
    names = segment_names(
        ["We have three reportable segments: Walmart U.S., Walmart International and Sam's Club. The Company"]
    )
    assert names == ("Walmart U.S.", "Walmart International", "Sam's Club")
    assert column_words("Walmart U.S.\nWalmart\nInternational Sam's Club\nCorporate and\nsupport Consolidated", 5, names) == (
        "Walmart U.S.", "Walmart International", "Sam's Club", "Corporate and support", "Consolidated",
    )  # fmt: skip


def test_headings_of_words_hold_under_each_period() -> None:
    tables = read_tables(
        "The following table provides information for the segments (in millions):\nUnited States Canada Total\n"
        "2022\nTotal revenue $ 165 $ 31 $ 196\nTotal assets 44 6 50\n2021\nTotal revenue $ 141 $ 27 $ 168\nTotal assets 39 5 44\n"
    )
    assert [[(c.year, c.group) for c in table.columns] for table in tables] == [
        [(2022, "United States"), (2022, "Canada"), (2022, "Total")],
        [(2021, "United States"), (2021, "Canada"), (2021, "Total")],
    ]
    assert all(row.columns == table.columns for table in tables for row in table.rows)


def test_two_levels_of_words_stay_unassigned() -> None:
    tables = read_tables(
        "The following presents the plans (in millions):\nPension Plans Postretirement Plans\nU.S. International\n"
        "2022\nService cost $ 5 $ 6 $ 7\nInterest cost 1 2 3\n"
    )
    assert all(column is None for table in tables for row in table.rows for column in row.columns)
