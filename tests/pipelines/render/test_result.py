import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.render.artifacts import render_all
from pipelines.render.ledger_json import render_ledger
from pipelines.render.result import research_object
from pipelines.render.text import plain_decimal
from tieout.model import Plan, Run, RunRequest, RunState, Usage

NOW = datetime(2024, 11, 29, tzinfo=UTC)


def run(state, **more):
    usage = Usage(2, 100, 50, Decimal("0.0120"))
    request = RunRequest("How did Apple do?")
    return Run("run_1", "w", "p", request, Plan("research", "1", ()), state, NOW, NOW, usage=usage, **more)


def test_a_finished_run_has_exactly_the_promised_keys(case):
    made = research_object(run(RunState.DONE), case.report, {"markdown": "a/report.md"})
    keys = ["run_id", "status", "question", "as_of", "answer", "claims", "ledger", "usage", "notes", "artifacts"]
    assert list(made) == keys
    assert made["notes"] == list(case.report.draft.notes)
    assert made["status"] == "done"
    assert made["as_of"] == "2024-11-29"
    assert made["ledger"] == {"numbers": 32, "tied": 32, "open": 0, "contradicted": 0}
    assert made["usage"] == {"calls": 2, "tokens_in": 100, "tokens_out": 50, "cost": "0.012"}
    assert made["artifacts"] == {"markdown": "a/report.md", "html": None, "notebook": None, "ledger": None}
    claim = made["claims"][0]
    assert list(claim) == ["section", "text", "facts", "spans", "numbers"]
    assert list(claim["numbers"][0]) == ["text", "value", "unit", "status", "source"]
    source = ["kind", "id", "document", "page", "page_label", "start", "end", "quote", "sql", "snapshot"]
    assert list(claim["numbers"][0]["source"]) == source
    json.dumps(made, allow_nan=False)


def test_notes_kept_with_the_run_are_shown_without_its_report():
    note = "Written without the model, which gave no usable text: it did not answer."
    made = research_object(run(RunState.DONE, result={"notes": [note]}), None, {})
    assert made["notes"] == [note]
    assert research_object(run(RunState.FAILED), None, {})["notes"] == []


def test_values_are_decimal_strings_in_base_units(case):
    numbers = research_object(run(RunState.DONE), case.report, {})["claims"][0]["numbers"]
    assert numbers[1]["value"] == "394328000000"
    assert numbers[0]["value"] == "0.0779378760418461"


def test_open_numbers_never_leave_a_run_done(open_case):
    made = research_object(run(RunState.DONE), open_case.report, {})
    assert made["status"] == "needs_review"
    assert made["ledger"] == {"numbers": 34, "tied": 32, "open": 1, "contradicted": 1}
    assert made["claims"][-1]["numbers"][0]["source"] is None


@pytest.mark.parametrize(
    ("state", "more", "status", "answer"),
    [
        (RunState.FAILED, {"error": "The disk is full."}, "failed", "The disk is full."),
        (RunState.NEEDS_ANSWER, {"result": {"answer": "Which Apple?"}}, "needs_answer", "Which Apple?"),
        (RunState.CANCELLED, {}, "failed", "The run was cancelled."),
    ],
)
def test_a_run_without_a_report_gives_its_reason(state, more, status, answer):
    made = research_object(run(state, **more), None, {})
    assert (made["status"], made["answer"], made["claims"]) == (status, answer, [])
    assert made["ledger"]["numbers"] == 0


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_a_decimal_string_has_no_exponent_and_loses_nothing(value):
    text = plain_decimal(value)
    assert "E" not in text.upper()
    assert Decimal(text) == value


def test_the_ledger_holds_facts_spans_figures_and_what_is_unresolved(open_case):
    made = json.loads(render_ledger(open_case.report))
    assert len(made["facts"]) == 8
    assert made["facts"][0]["parameters"] == {"new": "fig_revenue_2022", "old": "fig_revenue_2021"}
    assert made["facts"][0]["value"] == "0.0779378760418461"
    assert made["figures"][0]["value"] == "394328000000"
    assert [item["status"] for item in made["unresolved"]] == ["open", "contradicted"]
    for span in made["spans"]:
        page = next(page for page in open_case.pages if page.number == span["page"])
        assert page.text[span["start"] : span["end"]] == span["quote"]


def test_text_without_utf8_still_makes_a_ledger(case):
    report = replace(case.report, question="a\ud800b")
    assert json.loads(render_ledger(report))["question"] == "a\ud800b"


def test_all_files_of_a_report_come_out_the_same_twice(helpers, case):
    first = render_all(case.report, case.rows, pages=case.pages)
    again = helpers.build()
    assert first == render_all(again.report, again.rows, pages=again.pages)
    assert [file.name for file in first] == [
        "report.md", "report.html", "report.ipynb", "ledger.json", "chart-1.svg", "chart-1.png",
        "chart-2.svg", "chart-2.png",
    ]  # fmt: skip
    assert "](chart-1.png)" in first[0].data.decode()
