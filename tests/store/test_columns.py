"""Column types on SQLite; the contract suite runs them on PostgreSQL too."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, MetaData, Table, create_engine, insert, select
from sqlalchemy.exc import StatementError

from store.columns import ExactDecimal, Json, UtcDateTime

metadata = MetaData()
things = Table(
    "things",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", UtcDateTime),
    Column("data", Json),
    Column("number", ExactDecimal),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def round_trip(**values: object) -> object:
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(insert(things).values(values))
        found = connection.execute(select(*(things.c[name] for name in values))).one()[0]
    engine.dispose()
    return found


@given(
    st.datetimes(
        timezones=st.sampled_from([UTC, timezone(timedelta(hours=9)), timezone(-timedelta(hours=3.5))]),
        min_value=datetime(1900, 1, 1),  # noqa: DTZ001
        max_value=datetime(2200, 1, 1),  # noqa: DTZ001
    )
)
def test_times_come_back_as_the_same_moment_in_utc(moment: datetime) -> None:
    found = round_trip(at=moment)
    assert found == moment
    assert isinstance(found, datetime)
    assert found.tzinfo is UTC


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(StatementError, match="without a zone"):
        round_trip(at=datetime(2026, 1, 1))  # noqa: DTZ001


@given(json_values)
def test_json_values_come_back_equal(value: object) -> None:
    assert round_trip(data=value) == value


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, b"bytes"])
def test_what_json_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(StatementError):
        round_trip(data=value)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=10, min_value=-(10**30), max_value=10**30))
def test_decimals_come_back_digit_for_digit(value: Decimal) -> None:
    assert str(round_trip(number=value)) == str(value)
