"""The labelled drafts of `redteam/`: no false number may tie, and true ones may only get fewer that do not."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest
from redteam_drafts import DATA, DRAFTS, Outcome, drafts, read_draft, run

here = pytest.mark.skipif(not (DATA / "filings").is_dir(), reason="the filings are not beside this checkout")
KNOWN = frozenset((DRAFTS / "known_misses.txt").read_text(encoding="utf-8").splitlines())


@cache
def outcomes() -> tuple[Outcome, ...]:
    return tuple(outcome for draft in drafts() for outcome in run(draft)[0])


def table() -> str:
    """Return the confusion table: what each number is against what the ledger said of it."""
    counts = Counter((o.mark.truth, o.status) for o in outcomes())
    statuses = ("tied", "open", "contradicted", "unseen")
    lines = ["            " + "".join(f"{status:>14}" for status in statuses)]
    for truth in ("true", "false", "unsupported"):
        lines.append(f"{truth:<12}" + "".join(f"{counts[truth, status]:>14}" for status in statuses))
    return "\n".join(lines)


def test_the_drafts_label_enough_numbers() -> None:
    """The set is worth something only while it is large; its labels are read without running anything."""
    marks = Counter(mark.truth for draft in drafts() for mark in draft.marks)
    assert marks["true"] >= 500
    assert marks["false"] >= 250
    assert read_draft(DRAFTS / "no_claims.md").marks[0].text == "$394.3 billion"


@here
def test_no_false_number_is_tied() -> None:
    """A neighbouring cell, another year, company, unit or direction never ties."""
    wrong = [f"{o.key} ({o.mark.why}): {o.claim} <- {o.quote}" for o in outcomes() if o.mark.truth != "true"]
    tied = [
        line
        for line, o in zip(wrong, (o for o in outcomes() if o.mark.truth != "true"), strict=True)
        if o.status == "tied"
    ]
    assert not tied, "\n".join([table(), *tied])


@here
def test_true_numbers_tie_but_for_the_known_misses() -> None:
    """What ties today ties tomorrow: `known_misses.txt` may only lose lines."""
    missed = [o for o in outcomes() if o.mark.truth == "true" and o.status != "tied" and o.key not in KNOWN]
    assert not missed, "\n".join([table(), *(f"{o.key}: {o.status}: {o.claim} ({o.reason})" for o in missed)])


@here
def test_a_false_number_is_never_hidden() -> None:
    """A number that the sources do not bear out is shown as open or contradicted, not left out."""
    hidden = [o.key for o in outcomes() if o.mark.truth != "true" and o.status == "unseen"]
    assert not hidden
