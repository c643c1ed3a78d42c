"""Waits grow, are spread, and honour what the server asks for."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.providers.retry import RetryPolicy, retry_after_s

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


@given(st.integers(1, 60), st.floats(0, 1, exclude_max=True))
def test_a_wait_is_between_half_and_all_of_a_limit_that_doubles(attempt: int, drawn: float) -> None:
    wait = RetryPolicy(draw=lambda: drawn).wait_s(attempt)

    limit = min(20.0, 0.5 * 2 ** (attempt - 1))
    assert limit / 2 <= wait <= limit


@given(st.floats(0, 1e6))
def test_a_wait_is_never_shorter_than_asked(asked: float) -> None:
    assert RetryPolicy().wait_s(1, asked) >= asked


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": format_datetime(NOON.replace(second=9), usegmt=True)}, 9.0),
        ({"retry-after": format_datetime(NOON.replace(hour=11), usegmt=True)}, 0.0),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers, lambda: NOON) == seconds


@given(st.text())
def test_no_retry_after_breaks_the_reader(value: str) -> None:
    asked = retry_after_s({"retry-after": value}, lambda: NOON)

    assert asked is None or asked >= 0
