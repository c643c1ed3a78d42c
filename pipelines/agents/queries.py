"""Builds computations that single formulas do not have: a figure by itself, growth over years, means over years."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from pipelines.agents.wording import amount, figure_amount
from pipelines.ledger.readings import reading_sql
from pipelines.tools.fundamentals import display_of, percent
from tieout.model import Figure
from tieout.ports import FactQuery


def as_reported(ticker: str, label: str, figure: Figure, as_of: date, *, outflow: bool = False) -> FactQuery:
    """Return the computation that only reads a reported figure; an outflow is given as the amount spent."""
    currency = figure.unit[:3] if figure.unit[:3].isupper() else None
    return FactQuery(
        name=f"{ticker} {label}",
        measure=figure.concept or "reported",
        unit=figure.unit,
        method=f"as reported: {figure.row}, page {figure.page}",
        sql=reading_sql(amount=outflow),
        parameters={"figure": figure.id},
        as_of=as_of,
        figures=(figure,),
        instrument=ticker,
        currency=currency,
        period=figure.period,
        display=lambda value: (
            amount(value, figure.unit, figure.decimals) if value != figure.value else figure_amount(figure)
        ),
    )


def growth_between(ticker: str, label: str, now: Figure, before: Figure, as_of: date) -> FactQuery | None:
    """Return the growth from one figure to a later one as a fraction; None where it has no meaning."""
    if before.value == 0 or (before.value < 0) != (now.value < 0):
        return None
    leaf = "(SELECT CAST(value AS DOUBLE) FROM figures WHERE id = ${})"
    return FactQuery(
        name=f"{ticker} growth of {label}",
        measure="growth",
        unit="fraction",
        method=f"{label} / {label} of the earlier period - 1",
        sql=f"SELECT {leaf.format('now')} / {leaf.format('before')} - 1 AS value",
        parameters={"now": now.id, "before": before.id},
        as_of=as_of,
        figures=(now, before),
        instrument=ticker,
        period=now.period,
        display=percent,
    )


def share_of(ticker: str, label: str, part: Figure, whole: Figure, as_of: date) -> FactQuery:
    """Return a part's share of the whole as a fraction."""
    leaf = "(SELECT CAST(value AS DOUBLE) FROM figures WHERE id = ${})"
    return FactQuery(
        name=f"{ticker} share of {label}",
        measure="share",
        unit="fraction",
        method=f"{label} / {whole.row}",
        sql=f"SELECT {leaf.format('part')} / {leaf.format('whole')} AS value",
        parameters={"part": part.id, "whole": whole.id},
        as_of=as_of,
        figures=(part, whole),
        instrument=ticker,
        period=part.period,
        display=percent,
    )


def mean_of(queries: Sequence[FactQuery], label: str) -> FactQuery:
    """Return the arithmetic mean of computations of one measure in several years."""
    parameters: dict[str, object] = {}
    pieces = []
    for place, query in enumerate(queries):
        prefix = f"y{place}_"
        parameters |= {f"{prefix}{name}": value for name, value in query.parameters.items()}
        inner = re.sub(r"\$(\w+)", rf"${prefix}\1", query.sql)
        pieces.append(f"CAST(({inner}) AS DOUBLE)")
    first = queries[0]
    return replace(
        first,
        name=f"{first.instrument} average {label}",
        measure=f"{first.measure}_average",
        method=f"arithmetic mean over {len(queries)} fiscal years of: {first.method}",
        sql=f"SELECT ({' + '.join(pieces)}) / {len(queries)} AS value",
        parameters=parameters,
        figures=tuple(dict.fromkeys(figure for query in queries for figure in query.figures)),
        display=display_of(first.unit),
    )
