"""What a question wants in words: the form of its answer, its subject, its telling words."""

from __future__ import annotations

import re

import pytest

from pipelines.agents.wanted import SUBJECTS, asks_in_particular, read_wanted, subject_of


@pytest.mark.parametrize(
    ("question", "form", "subject"),
    [
        ("How many employees does Acme have?", "count", "employees"),
        ("How many people does Acme employ?", "count", "employees"),
        ("Where is Acme headquartered?", "place", "headquarters"),
        ("Who is Acme's auditor?", "name", "auditor"),
        ("How much remains of Acme's share repurchase program?", "amount", "buybacks left"),
        ("What quarterly dividend did Acme declare?", "text", "dividend declared"),
        ("How many shares were outstanding?", "count", "shares outstanding"),
    ],
)
def test_the_form_and_the_subject_are_read_from_the_question(question: str, form: str, subject: str) -> None:
    wanted = read_wanted(question, ("Acme",))
    assert (wanted.form, wanted.subject.key if wanted.subject else None) == (form, subject)


@pytest.mark.parametrize(
    "question",
    [
        "What was Acme's revenue in 2022?",
        "How much did Acme spend on share repurchases in 2022?",
        "What dividends did Acme pay in 2022?",
        "How many diluted shares did Acme have?",
        "Why did Acme's gross margin fall?",
    ],
)
def test_what_statements_or_reasons_answer_has_no_subject(question: str) -> None:
    assert subject_of(question) is None


def test_the_noun_counted_stands_after_how_many() -> None:
    assert read_wanted("In how many countries is Acme available?", ("Acme",)).counted == "countr"


def test_a_question_with_a_word_of_its_own_asks_in_particular() -> None:
    assert asks_in_particular("How much did Acme pay for Foobar?", ("Acme",))
    assert not asks_in_particular("How is Acme doing?", ("Acme",))


def test_subjects_are_named_once_and_their_forms_do_not_hold_on_nothing() -> None:
    assert len({subject.key for subject in SUBJECTS}) == len(SUBJECTS)
    assert not any(re.search(form, "") for subject in SUBJECTS for form in subject.says)
