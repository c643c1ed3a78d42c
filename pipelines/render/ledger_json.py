"""Renders the whole ledger for machines: every claim, number, fact, span and figure of a report."""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from pipelines.render.text import plain_decimal
from tieout.codec import dump
from tieout.model import Claim, Fact, Figure, Ledger, Number, NumberStatus, Report, Source, Span


def claims_object(claims: Iterable[Claim]) -> list[dict[str, Any]]:
    """Return claims in the form that `tieout research --json` prints."""
    return [
        {
            "section": claim.section,
            "text": claim.text,
            "facts": list(claim.facts),
            "spans": list(claim.spans),
            "numbers": [number_object(number) for number in claim.numbers],
        }
        for claim in claims
    ]


def number_object(number: Number) -> dict[str, Any]:
    """Return a number: `value` is a decimal string in base units, a percentage as a fraction."""
    return {
        "text": number.text,
        "value": plain_decimal(number.value),
        "unit": number.unit,
        "status": number.status.value,
        "source": source_object(number.source) if number.source else None,
    }


def source_object(source: Source) -> dict[str, Any]:
    """Return a source with all its keys; those that do not apply to its kind are None."""
    names = ("kind", "id", "document", "page", "page_label", "start", "end", "quote", "sql", "snapshot")
    return {name: getattr(source, name) for name in names}


def counts_object(ledger: Ledger) -> dict[str, int]:
    """Return `{numbers, tied, open, contradicted}`."""
    counts = ledger.counts
    return {
        "numbers": counts.numbers, "tied": counts.tied, "open": counts.open, "contradicted": counts.contradicted
    }  # fmt: skip


def fact_object(fact: Fact) -> dict[str, Any]:
    """Return a fact with its method, SQL, parameters and period; `value` as a decimal string."""
    data: dict[str, Any] = dump(fact)
    data["value"] = plain_decimal(fact.value)
    data["parameters"] = {name: json_value(value) for name, value in sorted(fact.parameters.items())}
    return data


def figure_object(figure: Figure) -> dict[str, Any]:
    """Return a reported figure; `value` as a decimal string in base units."""
    data: dict[str, Any] = dump(figure)
    data["value"] = plain_decimal(figure.value)
    return data


def json_value(value: Any) -> Any:
    """Return a SQL parameter as a JSON value: dates as ISO 8601, decimals as strings."""
    if isinstance(value, bool | int | float | str) or value is None:
        return value
    if isinstance(value, Decimal):
        return plain_decimal(value)
    if isinstance(value, list | tuple):
        return [json_value(item) for item in value]
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def ledger_object(report: Report) -> dict[str, Any]:
    """Return the whole ledger of a report as plain JSON values."""
    ledger = report.ledger
    spans: list[Span] = list(ledger.spans)
    return {
        "run_id": report.run_id,
        "question": report.question,
        "as_of": report.as_of.isoformat(),
        "title": report.draft.title,
        "writer": report.draft.writer,
        "ledger": counts_object(ledger),
        "claims": claims_object(ledger.claims),
        "unresolved": [
            {"section": claim.section, "text": claim.text, "number": number.text, "status": number.status.value,
             "reason": number.reason}
            for claim in ledger.claims for number in claim.numbers if number.status is not NumberStatus.TIED
        ],
        "facts": [fact_object(fact) for fact in ledger.facts],
        "spans": [dump(span) for span in spans],
        "figures": [figure_object(figure) for figure in report.figures],
        "notes": list(report.draft.notes),
    }  # fmt: skip


def render_ledger(report: Report) -> bytes:
    """Return `ledger.json` as UTF-8, two spaces per level, the same bytes for the same report."""
    text = json.dumps(ledger_object(report), ensure_ascii=False, indent=2, allow_nan=False)
    # a lone surrogate has no UTF-8; its backslash form is the JSON escape
    return (text + "\n").encode("utf-8", "backslashreplace")
