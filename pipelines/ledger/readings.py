"""Facts that only read one reported figure: their source is the place where it is printed."""

from __future__ import annotations

from collections.abc import Mapping

from tieout.model import Fact, Source, Span

_READ = "SELECT {} FROM figures WHERE id = $figure"
_READINGS = frozenset({_READ.format("value"), _READ.format("ABS(value)")})


def reading_sql(*, amount: bool = False) -> str:
    """Return the SQL that reads the figure of the parameter `figure`; its size without the sign with `amount`."""
    return _READ.format("ABS(value)" if amount else "value")


def fact_source(fact: Fact, spans: Mapping[str, Span]) -> Source:
    """Return the ledger's source for a fact: the quoted row of a reading, the computation of any other."""
    span = spans.get(fact.spans[0]) if fact.sql in _READINGS and fact.spans else None
    if span is None:
        return Source("fact", fact.id, sql=fact.sql, snapshot=fact.snapshot)
    return Source(
        "span", span.id, span.document, span.page, span.page_label, span.start, span.end, span.quote,
        fact.sql, fact.snapshot,
    )  # fmt: skip
