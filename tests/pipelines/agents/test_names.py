"""Names that no registry knows must not be answered with another company's numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.agents.names import unknown_names


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("What was the revenue of Zzyzx Holdings in fiscal 2022?", ["Zzyzx Holdings"]),
        ("How did Zzyzx's margins change?", ["Zzyzx"]),
        ("Zzyzx's revenue in 2022?", ["Zzyzx"]),
        ("Compare Foobar & Sons with Quuxcorp.", ["Foobar Sons", "Quuxcorp"]),
        ("How did revenue change in fiscal 2022?", []),
        ("Revenue since September 2021?", []),
        ("Is liquidity healthy? Show Net Income and Free Cash Flow.", []),
        ("What is the EBITDA margin in the United States?", []),
    ],
)
def test_proper_names_are_told_from_common_words(question, names):
    assert unknown_names(question) == names


@given(st.text(max_size=200))
def test_any_text_is_read(text):
    assert all(name for name in unknown_names(text))
