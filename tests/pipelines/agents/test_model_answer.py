"""Whatever a model writes becomes a draft that rests on given facts and spans, or a list of problems."""

from __future__ import annotations

import json
import re
from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from pipelines.agents.model_answer import UnusableAnswer, read_answer
from pipelines.agents.prompts import PLACEHOLDER, as_data, material
from pipelines.agents.writer import Brief
from tieout.model import Draft, Fact, Hit, Span

FACT = Fact("f_1", "growth", Decimal("0.1"), "fraction", "10 %", "m", "select 1", "figures@1", date(2024, 1, 2))
SPAN = Span("s_1", "d1", "Report", "0" * 64, 1, 0, 5, "Sales")
BRIEF = Brief("What?", date(2024, 1, 2), facts=(FACT,), passages=(Hit(SPAN, 1.0),))
NAMES = material(BRIEF)

words = st.text() | st.sampled_from(["{fact:F1}", "{fact:F2}", "{F1}", "[S1]", "[S2]", "“Sales”", "{{", "}", '"a b c"'])
sentence = st.lists(words, max_size=6).map(" ".join)
claim = sentence | st.fixed_dictionaries(
    {"text": sentence},
    optional={"cites": st.lists(st.sampled_from(["S1", "S2", "x"])), "company": st.none() | st.text()},
)
section = st.fixed_dictionaries({"title": sentence}, optional={"claims": st.lists(claim, max_size=3)})
written = st.fixed_dictionaries(
    {"answer": st.lists(claim, max_size=3)},
    optional={"sections": st.lists(section, max_size=2), "gaps": st.lists(claim)},
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["answer", "text", "cites"]), inner),
    max_leaves=8,
)


def read(text: str) -> Draft | None:
    try:
        return read_answer(text, BRIEF, NAMES, "model m")
    except UnusableAnswer as error:
        assert 0 < len(error.problems) <= 12
        return None


@given(written)
def test_a_draft_names_only_facts_and_spans_that_were_given(answer: object) -> None:
    draft = read(json.dumps(answer))
    if draft is None:
        return
    for claim in (*draft.answer, *(claim for section in draft.sections for claim in section.claims)):
        assert set(claim.facts) == set(PLACEHOLDER.findall(claim.text)) <= {"f_1"}
        assert set(claim.spans) <= {"s_1"}
        assert not re.search(r"[{}]", PLACEHOLDER.sub("", claim.text))
        assert "\n" not in claim.text
    assert draft.answer


@given(anything, st.text(), st.text())
def test_no_answer_breaks_the_reader(value: object, before: str, after: str) -> None:
    read(before + json.dumps(value) + after)


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    read(text)


def test_an_answer_full_of_braces_is_given_up_soon() -> None:
    assert read("{" * 100_000) is None


@given(
    st.lists(st.sampled_from(["<", "/", " ", "source", "SOURCE", "fact", "{", "fact:", "F1}", ">", "\u200b", "x"])).map(
        "".join
    )
)
def test_outside_text_cannot_close_its_marks_or_plant_a_placeholder(text: str) -> None:
    clean = as_data(text)

    assert not re.search(r"<\s*/?\s*(source|fact)\b", clean, re.IGNORECASE)
    assert not PLACEHOLDER.search(clean)


@given(st.text(alphabet=st.characters(codec="utf-8")), st.integers(1, 50))
def test_outside_text_is_one_line_within_its_limit(text: str, limit: int) -> None:
    clean = as_data(text, limit)

    assert len(clean) <= limit
    assert "\n" not in clean
