"""Period expressions, fiscal calendars and the equality of periods."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.ledger.periods import Calendar, parse_period, periods_in, same_period
from tieout.model import Document, Period

APPLE = Calendar(2022, date(2022, 9, 24), {2022: date(2022, 9, 24), 2021: date(2021, 9, 25)})
WALMART = Calendar(2022, date(2022, 1, 31), {2022: date(2022, 1, 31)})
AMAZON = Calendar(2022, date(2022, 12, 31), {2022: date(2022, 12, 31)})


def document(**fields: object) -> Document:
    base: dict[str, object] = {
        "id": "d", "workspace": "w", "name": "a.pdf", "sha256": "0", "media_type": "application/pdf", "size": 1,
        "page_count": 1, "ingested_at": datetime(2026, 1, 1, tzinfo=UTC),
    }  # fmt: skip
    return Document(**(base | fields))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "calendar", "expected"),
    [
        ("fiscal 2022", APPLE, ("year", 2022, None, date(2022, 9, 24))),
        ("FY22", APPLE, ("year", 2022, None, date(2022, 9, 24))),
        ("2021", APPLE, ("year", 2021, None, date(2021, 9, 25))),
        ("the year ended September 24, 2022", APPLE, ("year", 2022, None, date(2022, 9, 24))),
        ("three months ended June 25, 2022", APPLE, ("quarter", 2022, 3, date(2022, 6, 25))),
        ("nine months ended July 1, 2023", APPLE, ("months", 2023, None, date(2023, 7, 1))),
        ("third quarter of fiscal 2023", APPLE, ("quarter", 2023, 3, None)),
        ("Q3 2023", APPLE, ("quarter", 2023, 3, None)),
        ("as of December 31, 2021", AMAZON, ("instant", 2021, 4, date(2021, 12, 31))),
        ("fiscal year ended January 31, 2022", WALMART, ("year", 2022, None, date(2022, 1, 31))),
        ("three months ended April 30, 2023", WALMART, ("quarter", 2024, 1, date(2023, 4, 30))),
        ("52 weeks ended September 25, 2021", APPLE, ("year", 2021, None, date(2021, 9, 25))),
    ],
)
def test_expressions_are_read_with_the_companys_calendar(
    text: str, calendar: Calendar, expected: tuple[str, int, int | None, date | None]
) -> None:
    period = parse_period(text, calendar)
    assert period is not None
    assert (period.kind, period.fiscal_year, period.fiscal_quarter, period.end) == expected


def test_amounts_are_no_years() -> None:
    assert periods_in("paid $2,022 and 2020.5 and 2,021 shares, 2019%") == []


def test_a_year_is_not_the_instant_at_its_end() -> None:
    assert not same_period(AMAZON.year(2022), AMAZON.year_end(2022))


def test_a_year_is_the_twelve_months_that_end_with_it() -> None:
    assert same_period(APPLE.year(2022), APPLE.duration(12, date(2022, 9, 24)))
    assert same_period(Period("year", 2022), APPLE.duration(12, date(2022, 9, 24)))


def test_neighbouring_periods_are_never_the_same() -> None:
    assert not same_period(APPLE.year(2022), APPLE.year(2021))
    assert not same_period(APPLE.duration(3, date(2022, 6, 25)), APPLE.duration(9, date(2022, 6, 25)))
    assert not same_period(Period("quarter", 2022, 3), Period("year", 2022))
    assert not same_period(None, None)


def test_a_quarterly_report_implies_the_year_it_belongs_to() -> None:
    calendar = Calendar.of(document(form="10-Q", fiscal_year=2023, fiscal_quarter=3, period_end=date(2023, 7, 1)))
    assert calendar.year_of(date(2023, 7, 1)) == 2023
    assert calendar.year_of(date(2022, 9, 24)) == 2022
    assert calendar.quarter_of(date(2022, 6, 25)) == 3


def test_the_ends_of_other_years_are_learnt_from_the_filing() -> None:
    calendar = Calendar.of(
        document(form="10-K", fiscal_year=2022, period_end=date(2022, 9, 24)),
        ["September 24, 2022 September 25, 2021 September 26, 2020 and October 1, 2021"],
    )
    assert (calendar.end_of(2021), calendar.end_of(2020)) == (date(2021, 9, 25), date(2020, 9, 26))
    assert calendar.end_of(2018) is None  # a 52/53-week year ends on no certain day


def test_a_year_that_ends_with_a_month_does_so_every_year() -> None:
    assert WALMART.end_of(2019) == date(2019, 1, 31)
    assert Calendar(2022, date(2022, 2, 28)).end_of(2020) == date(2020, 2, 29)


def test_without_a_calendar_only_december_has_a_certain_fiscal_year() -> None:
    assert Calendar().duration(12, date(2022, 12, 31)).fiscal_year == 2022
    assert Calendar().duration(12, date(2022, 6, 30)).fiscal_year is None


@given(st.dates(date(1990, 1, 1), date(2060, 12, 31)))
def test_every_day_lies_in_the_fiscal_year_that_ends_next(day: date) -> None:
    year = AMAZON.year_of(day)
    assert year in (day.year, day.year - 1)
    assert year == day.year or day <= date(day.year, 1, 10)


@given(st.text(max_size=200))
def test_any_text_gives_periods_that_stand_where_they_say(text: str) -> None:
    for start, end, _ in periods_in(text):
        assert 0 <= start < end <= len(text)
