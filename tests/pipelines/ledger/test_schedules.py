"""Checks that rows of years to come are read as amounts that fall due, and nothing else is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipelines.ledger.schedules import read_schedules

NOTES = (
    "The future principal payments for the Company’s Notes as of September 24, 2022, are as follows (in millions):\n"
    "2023 $ 11,139\n2024 9,910\n2025 10,645\nThereafter 80,130\nTotal term debt $ 111,824\n"
    "As of September 24, 2022, the fair value of the Notes was $98.8 billion.\n"
)


def test_a_row_bears_its_year_and_the_measure_of_the_sentence_above() -> None:
    ((table, start, end),) = read_schedules(NOTES)
    rows = [(r.label, r.cells[0].text, r.columns[0].year if r.columns[0] else None) for r in table.rows]
    assert rows == [
        ("Payments for Notes", "$ 11,139", 2023),
        ("Payments for Notes", "9,910", 2024),
        ("Payments for Notes", "10,645", 2025),
        ("Thereafter", "80,130", None),
        ("Total term debt", "$ 111,824", 2022),
    ]
    assert table.rows[-1].columns[0] is not None
    assert table.rows[-1].columns[0].asof
    assert NOTES[start:end].startswith("2023")
    assert table.note == "(in millions)"


def test_columns_of_leases_are_told_apart() -> None:
    ((table, _, _),) = read_schedules(
        "Maturities of lease liabilities as of June 30, 2022 were as follows:\n(In millions)\nYear Ending June 30,\n"
        "Operating\nLeases\nFinance\nLeases\n2023 $ 2,456 $ 1,477\n2024 2,278 1,487\n2025 1,985 1,801\n"
        "Total lease payments 15,004 17,668\nLess imputed interest (1,287) (2,766)\nTotal $ 13,717 $ 14,902\n"
    )
    assert [c.group for c in table.rows[0].columns if c] == ["Operating Leases", "Finance Leases"]
    assert [r.label for r in table.rows[-2:]] == ["Less imputed interest", "Total"]  # no total of the maturities


def test_a_year_of_what_is_owed_is_not_the_balance() -> None:
    ((table, _, _),) = read_schedules(
        "The aggregate annual lease obligations at January 31, 2022, are as follows:\n(Amounts in millions)\n"
        "2023 $ 2,164\n2024 2,040\n2025 1,876\n"
    )
    assert table.rows[0].label == "Lease obligations due"


def test_columns_without_certain_names_make_no_schedule() -> None:
    text = NOTES.replace("(in millions):\n", "(in millions):\nSenior Junior Notes\n").replace(
        "2023 $ 11,139", "2023 $ 11,139 $ 5"
    )
    assert read_schedules(text.replace("9,910", "9,910 6").replace("10,645", "10,645 7")) == []


def test_years_that_nothing_announces_make_no_schedule() -> None:
    assert read_schedules("Net sales were as follows (in millions):\n2020 $ 5\n2021 6\n2022 7\n") == []
    assert read_schedules("2023 $ 11\n2024 12\n2025 13\n") == []
    assert read_schedules(NOTES.replace("2024 9,910", "2026 9,910")) == []


@given(st.lists(st.sampled_from([*NOTES.split("\n"), "2026 5 (3)", "Total $ 5", "", "x:"]), max_size=12))
def test_any_text_gives_rows_that_stand_where_they_say(lines: list[str]) -> None:
    text = "\n".join(lines)
    for table, start, end in read_schedules(text):
        for row in table.rows:
            assert len(row.cells) == len(row.columns)
            for cell in row.cells:
                assert text[cell.start : cell.end] == cell.text
                assert start <= row.start <= cell.start < cell.end <= row.end <= end
