"""What a number is a number of, and the benchmark's checked statements over real filings."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from pipelines.ledger.match_names import named_spans
from pipelines.ledger.match_scope import Sentence, read_scopes
from pipelines.ledger.numbers import find_numbers
from pipelines.ledger.periods import periods_in

ROOT = Path(__file__).parents[3]
FILINGS = ROOT / "../shared/data/filings"


def scopes(text: str) -> list[tuple[str, str, int, set[str], int | None]]:
    """Return (number, kind, direction, concepts, fiscal year) of each number."""
    sentence = Sentence(text, find_numbers(text), named_spans(text), periods_in(text))
    return [
        (m.text, s.kind, s.direction, set(s.phrases[0].concepts) if s.phrases else set(), s.period.fiscal_year if s.period else None)
        for m, s in zip(sentence.mentions, read_scopes(sentence), strict=True)
    ]  # fmt: skip


def test_each_number_of_a_sentence_has_its_own_measure_and_year() -> None:
    text = "Revenue rose from $365.8 billion in 2021 to $394.3 billion in 2022 while net income reached $99.8 billion."
    assert scopes(text) == [
        ("$365.8 billion", "level", 0, {"revenue"}, 2021),
        ("$394.3 billion", "level", 0, {"revenue"}, 2022),
        ("$99.8 billion", "level", 0, {"net_income"}, 2022),
    ]


def test_change_growth_share_and_points_are_told_apart() -> None:
    assert [s[1] for s in scopes("Revenue rose 7.8%, or $28.5 billion, to $394.3 billion.")] == [
        "growth",
        "change",
        "level",
    ]
    assert [s[1:3] for s in scopes("Revenue fell by $2 billion.")] == [("change", -1)]
    assert [s[1] for s in scopes("R&D expense was 7% of net sales.")] == ["share"]
    assert [s[1] for s in scopes("Gross margin widened 1.5 percentage points.")] == ["points"]


def test_respectively_pairs_measures_and_years_in_order() -> None:
    found = scopes("Revenue and net income were $394.3 billion and $99.8 billion, respectively, in 2022.")
    assert [s[3] for s in found] == [{"revenue"}, {"net_income"}]
    found = scopes("Revenue was $394.3 billion and $365.8 billion in 2022 and 2021, respectively.")
    assert [s[4] for s in found] == [2022, 2021]


def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("ledger_benchmark", ROOT / "benchmarks" / "ledger.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["APPLE_2022_10K", "COSTCO_2022_10K"])
def test_checked_statements_about_real_filings_stand_and_false_ones_do_not(name: str) -> None:
    """No false statement ties; at least 95 of 100 true ones do."""
    found = [p for p in (FILINGS / f"{name}.pdf", *(ROOT / "tieout/sample_pack").rglob(f"{name}.pdf")) if p.exists()]
    if not found:
        pytest.skip(f"{name}.pdf is not on this machine")
    bench = benchmark()
    book = bench.book_of(found[:1])
    statements = bench.hand_written()[name]
    tied = {s: set(bench.judge(book, s)[0]) == {"tied"} for s in statements}
    assert [s.text for s in statements if s.mutation and tied[s]] == []
    true = [tied[s] for s in statements if not s.mutation]
    assert sum(true) >= 0.95 * len(true)
