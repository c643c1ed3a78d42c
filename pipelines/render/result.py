"""Builds the one object that `tieout research --json` prints, whatever became of the run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.render.ledger_json import claims_object, counts_object
from pipelines.render.text import plain_decimal
from tieout.model import Report, Run, RunState, Usage

ARTIFACT_FILES = {
    "markdown": "report.md",
    "html": "report.html",
    "notebook": "report.ipynb",
    "ledger": "ledger.json",
}
_NO_COUNTS = {"numbers": 0, "tied": 0, "open": 0, "contradicted": 0}


def research_object(run: Run, report: Report | None, artifacts: Mapping[str, str]) -> dict[str, Any]:
    """Return run_id, status, question, as_of, answer, claims, ledger, usage, notes and artifacts as JSON values.

    `report` is None when the run ended without one: `answer` then is the question back or the reason.
    `notes` says which conventions were used, what was not found, and whether the model was given up.
    `artifacts` gives, by `markdown | html | notebook | ledger`, where the file can be read; None when there is none.
    """
    as_of = report.as_of if report else run.request.as_of
    return {
        "run_id": run.id,
        "status": status(run, report),
        "question": run.request.question,
        "as_of": as_of.isoformat() if as_of else None,
        "answer": answer_text(report) if report else _reason(run),
        "claims": claims_object(report.ledger.claims) if report else [],
        "ledger": counts_object(report.ledger) if report else dict(_NO_COUNTS),
        "usage": usage_object(run.usage),
        "notes": list(report.draft.notes) if report else [str(note) for note in run.result.get("notes") or ()],
        "artifacts": {name: artifacts.get(name) for name in ARTIFACT_FILES},
    }


def status(run: Run, report: Report | None) -> str:
    """Return done | needs_review | failed | needs_answer (or the state of a run that has not ended).

    A report with a number that is not tied is never `done`.
    """
    if run.state is RunState.DONE and report is not None:
        counts = report.ledger.counts
        return RunState.DONE.value if counts.tied == counts.numbers else RunState.NEEDS_REVIEW.value
    return RunState.FAILED.value if run.state is RunState.CANCELLED else run.state.value


def answer_text(report: Report) -> str:
    """Return the short answer as plain sentences."""
    return " ".join(" ".join(claim.text.split()) for claim in report.draft.answer)


def usage_object(usage: Usage) -> dict[str, Any]:
    """Return `{calls, tokens_in, tokens_out, cost}`; `cost` is a decimal string."""
    return {
        "calls": usage.calls,
        "tokens_in": usage.tokens_in,
        "tokens_out": usage.tokens_out,
        "cost": plain_decimal(usage.cost),
    }


def _reason(run: Run) -> str:
    for key in ("answer", "question_back", "message"):
        if run.result.get(key):
            return str(run.result[key])
    if run.state is RunState.CANCELLED:
        return "The run was cancelled."
    return run.error or ""
