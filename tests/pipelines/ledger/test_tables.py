"""Tables read from page text as PDF extraction and Markdown give it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipelines.ledger.tables import Table, read_tables, statement_of

APPLE = """Apple Inc.
CONSOLIDATED STATEMENTS OF OPERATIONS
(In millions, except number of shares which are reflected in thousands and per share amounts)
Years ended
September 24,
2022
September 25,
2021
Net sales:
 Products $ 316,199 $ 297,392
 Services 78,129 68,425
Total net sales 394,328 365,817
Other income/(expense), net (334) 258
Earnings per share:
Basic $ 6.15 $ 5.67
"""


def grid(table: Table) -> list[tuple[str, list[tuple[str, str | None]]]]:
    return [
        (
            row.label,
            [(cell.text, column.text if column else None) for cell, column in zip(row.cells, row.columns, strict=True)],
        )
        for row in table.rows
    ]


def test_dates_broken_over_lines_head_the_columns() -> None:
    (table,) = read_tables(APPLE)
    assert (table.title, table.statement) == ("CONSOLIDATED STATEMENTS OF OPERATIONS", "income")
    assert [(c.months, c.month, c.day, c.year) for c in table.columns] == [(12, 9, 24, 2022), (12, 9, 25, 2021)]
    assert [(row.path, row.label) for row in table.rows] == [
        (("Net sales",), "Products"),
        (("Net sales",), "Services"),
        (("Net sales",), "Total net sales"),
        ((), "Other income/(expense), net"),
        (("Earnings per share",), "Basic"),
    ]


def test_rows_that_run_together_in_one_line_are_parted() -> None:
    (table,) = read_tables(
        "CONSOLIDATED STATEMENTS OF OPERATIONS\n(in thousands)\nYear ended December 31,\n2022 2021\n"
        "Revenues $ 31,615 $ 29,697 Cost of revenues 19,168 17,332 Other income (expense):\nInterest expense (706) (765)\n"
    )
    assert [(r.path, r.label) for r in table.rows] == [
        ((), "Revenues"), ((), "Cost of revenues"), (("Other income (expense)",), "Interest expense"),
    ]  # fmt: skip


def test_change_columns_are_not_periods() -> None:
    (table,) = read_tables(
        "Net sales by category (dollars in millions):\n2022 Change 2021 Change 2020\niPad (1) 29,292 (8) % 31,862 34 % 23,724\n"
    )
    assert grid(table)[0] == (
        "iPad",
        [("29,292", "2022"), ("(8) %", "Change"), ("31,862", "2021"), ("34 %", "Change"), ("23,724", "2020")],
    )


def test_durations_over_two_dates_each_are_parted_from_left_to_right() -> None:
    (table,) = read_tables(
        "(In millions)\nThree Months Ended Nine Months Ended\nJuly 1,\n2023\nJune 25,\n2022\nJuly 1,\n2023\nJune 25,\n2022\n"
        "Net sales $ 1,000 $ 2,000 $ 3,000 $ 4,000\nCosts 1 2 3 4\n"
    )
    assert [(c.months, c.year) for c in table.columns] == [(3, 2023), (3, 2022), (9, 2023), (9, 2022)]


def test_days_on_one_line_and_years_on_the_next_belong_together() -> None:
    (table,) = read_tables(
        "(Amounts in millions)\nApril 30, January 31, April 30,\n2023 2023 2022\nCash $ 10,575 $ 8,625 $ 11,817\n"
    )
    assert [(c.month, c.year) for c in table.columns] == [(4, 2023), (1, 2023), (4, 2022)]


def test_groups_over_repeated_years_are_named() -> None:
    (table,) = read_tables(
        "Year Ended December 31,\nWorldwide U.S.\n(MILLIONS) 2022 2021 2022 2021\nBiopharma $ 98,988 $ 79,557 $ 42,083 $ 29,221\n"
    )
    assert [(c.group, c.year) for c in table.columns] == [
        ("Worldwide", 2022),
        ("Worldwide", 2021),
        ("U.S.", 2022),
        ("U.S.", 2021),
    ]


def test_numbers_inside_a_label_stay_in_the_label() -> None:
    (table,) = read_tables(
        "Consolidated Balance Sheets\n(In millions)\nJune 30, 2022 2021\n"
        "Accounts receivable, net of allowance for doubtful accounts of $633 and $751 44,261 38,043\n"
        "Common stock, $0.01 par value; shares issued: 1,232 and 1,217; shares\noutstanding: 1,207 and 1,211 12 13\n"
    )
    assert [[c.text for c in row.cells] for row in table.rows] == [["44,261", "38,043"], ["12", "13"]]
    assert table.rows[0].label.endswith("$633 and $751")


def test_wrapped_labels_are_joined_and_the_row_covers_them() -> None:
    text = "(in millions)\n2022 2021\nDepreciation of property and equipment, operating lease\nassets, and other 25,180 $ 34,433\n"
    (table,) = read_tables(text)
    (row,) = table.rows
    assert row.label == "Depreciation of property and equipment, operating lease assets, and other"
    assert text[row.start : row.end].startswith("Depreciation")
    assert text[row.start : row.end].endswith("34,433")


def test_prose_ends_a_table() -> None:
    tables = read_tables(
        "(in millions)\n2022 2021\nRevenue $ 5 $ 4\nWe expect that revenue will grow in the coming years as we open more stores.\n"
        "Leases by kind 7 8\nOther leases 9 $ 10\n"
    )
    assert [c for table in tables for row in table.rows[:1] for c in row.columns if row.label != "Revenue"] in (
        [],
        [None, None],
    )


def test_a_heading_whose_rows_do_not_fit_gives_no_columns_at_all() -> None:
    """The row that happens to fit would fit by luck: sub-columns stand under the dates."""
    (table,) = read_tables(
        "(In millions)\nDecember 25, 2021 December 26, 2020\nNotional Rate Fair Value Notional Rate Fair Value\n"
        "Renminbi $ 360 6.5 $ 6 $ 261 6.8 $ 8\nDollar 416 1.26 6 247 1.31 6\nTotal $ 1,185 $ 755\n"
    )
    assert all(column is None for row in table.rows for column in row.columns)


def test_markdown_and_rendered_html_tables_align_by_position() -> None:
    (table,) = read_tables(
        "## Balance Sheet\n(in thousands)\n\n| | 2022 | 2021 |\n|:--|--:|--:|\n| Cash | $ 5 | |\n| Debt | | 7 |\n"
    )
    assert grid(table) == [("Cash", [("$ 5", "2022")]), ("Debt", [("7", "2021")])]
    (table,) = read_tables("Item | December 31, 2022 | December 31, 2021\nCash | $ | 5 | $ | 6\nDebt | | 7 | | 8\n")
    assert grid(table)[0] == ("Cash", [("5", "December 31, 2022"), ("6", "December 31, 2021")])


def test_statements_are_told_by_name() -> None:
    assert statement_of("Consolidated Statements of Earnings") == "income"
    assert statement_of("CONSOLIDATED STATEMENTS OF COMPREHENSIVE INCOME (LOSS)") == "comprehensive"
    assert statement_of("BALANCE SHEETS") == "balance"
    assert statement_of("CASH FLOWS STATEMENTS") == "cash"
    assert statement_of("Consolidated Statements of Shareholders’ Equity") == "equity"
    assert statement_of("Segment information") is None


LINES = st.lists(
    st.one_of(
        st.text(alphabet="abc ABC$()%,.|-—\n0123456789", max_size=60),
        st.sampled_from(
            [
                "2022 2021 2020",
                "(in millions)",
                "Year ended December 31,",
                "Revenue $ 1,200 $ (3) —",
                "| a | 5 | 6 |",
                "|---|---|---|",
            ]
        ),
    ),
    max_size=12,
)


@given(LINES)
def test_any_text_gives_rows_that_stand_where_they_say(lines: list[str]) -> None:
    text = "\n".join(lines)
    for table in read_tables(text):
        for row in table.rows:
            assert len(row.cells) == len(row.columns)
            for cell in row.cells:
                assert text[cell.start : cell.end] == cell.text
                assert row.start <= cell.start < cell.end <= row.end
