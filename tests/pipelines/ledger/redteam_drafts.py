"""Runs the labelled drafts of `redteam/` through the checker and says, number by number, what came of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from pathlib import Path
from typing import Any

from pipelines.ledger import check as check_module
from pipelines.ledger.check import DraftChecker
from pipelines.ledger.figures import read_figures
from pipelines.registry.registry import CompanyRegistry
from store.lake.lake import MemoryLake
from store.memory_content import MemoryContentStore
from tieout.model import Document, Figure, Instrument, Page, Principal
from tieout.ports import ImportOptions

HERE = Path(__file__).parent
DRAFTS = HERE / "redteam"
DATA = HERE.parents[2] / "../shared/data"
ME = Principal("ann", "main")
_MARK = re.compile(r"⟦([+?-])([^⟧¦]*)(?:¦([^⟧]*))?⟧")
_TRUTH = {"+": "true", "-": "false", "?": "unsupported"}


@dataclass(frozen=True)
class Mark:
    """A labelled number of a draft. `truth` is true, false (the sources say otherwise) or unsupported."""

    text: str
    truth: str
    why: str
    place: str  # draft:line


@dataclass(frozen=True)
class Labelled:
    """A draft without its marks, what it may rest on, and its marks in order."""

    name: str
    text: str
    documents: tuple[Path, ...]
    tickers: tuple[str, ...]
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Outcome:
    """A mark and what the ledger said of it: tied, open, contradicted or unseen."""

    mark: Mark
    status: str
    claim: str = ""
    reason: str = ""
    quote: str = ""

    @property
    def key(self) -> str:
        """Return the name that `redteam/known_misses.txt` gives this number."""
        return f"{self.mark.place} {self.mark.text}"


def read_draft(path: Path) -> Labelled:
    """Return a draft file as text and labels."""
    head, body = path.read_text(encoding="utf-8").split("---\n", 1)
    names = dict(line.split(": ", 1) for line in head.strip().splitlines())
    files = [part.strip() for part in names.get("documents", "").split(",") if part.strip()]
    documents = tuple(DRAFTS / name if "/" in name else DATA / "filings" / f"{name}.pdf" for name in files)
    tickers = tuple(part.strip() for part in names.get("tickers", "").split(",") if part.strip())
    marks = tuple(
        Mark(
            re.sub(r"\s+", " ", match[2]), _TRUTH[match[1]], re.sub(r"\s+", " ", match[3] or ""),
            f"{path.stem}:{body.count(chr(10), 0, match.start()) + head.count(chr(10)) + 2}",
        )
        for match in _MARK.finditer(body)
    )  # fmt: skip
    return Labelled(path.stem, _MARK.sub(lambda match: match[2], body), documents, tickers, marks)


def drafts() -> list[Labelled]:
    """Return all labelled drafts, by name."""
    return [read_draft(path) for path in sorted(DRAFTS.glob("*.md")) if path.stem != "README"]


# ---------------------------------------------------------------- running


class _Library:
    """A library without documents."""

    def documents(self, principal: Principal) -> list[Document]:
        return []


class _Shared(DraftChecker):
    """A checker that reads each file once in the process."""

    def _read(self, principal: Principal, name: str, data: bytes) -> tuple[Document, list[Page], Instrument | None]:
        if name not in _FILES:
            _FILES[name] = super()._read(principal, name, data)
        return _FILES[name]


_FILES: dict[str, tuple[Document, list[Page], Instrument | None]] = {}
_FIGURES: dict[tuple[str, object], Sequence[Figure]] = {}


def _figures(document: Document, pages: Sequence[Page]) -> Sequence[Figure]:
    key = (document.id, document.period_end)
    if key not in _FIGURES:
        _FIGURES[key] = tuple(read_figures(document, pages))
    return _FIGURES[key]


@cache
def checker() -> DraftChecker:
    """Return a checker over the price tables of the shared data, with no library."""
    check_module.read_figures = _figures  # type: ignore[assignment]
    lake = MemoryLake()
    for path in sorted((DATA / "prices").glob("*.csv")):
        lake.import_bars(ME, path, ImportOptions(adjustment="splits_dividends"))
    return _Shared(_Library(), CompanyRegistry(MemoryContentStore()), lake)  # type: ignore[arg-type]


def run(draft: Labelled) -> tuple[list[Outcome], list[dict[str, Any]]]:
    """Return an outcome per mark, and the numbers that the ledger saw where none is marked."""
    result = checker().check(ME, draft.text, documents=draft.documents, tickers=draft.tickers)
    return align(draft.marks, list(result["numbers"]))


def align(marks: Sequence[Mark], numbers: list[dict[str, Any]]) -> tuple[list[Outcome], list[dict[str, Any]]]:
    """Match marks and ledger numbers in reading order by their digits."""
    left, right = [_digits(mark.text) for mark in marks], [_digits(number["text"]) for number in numbers]
    outcomes: dict[int, Outcome] = {}
    used: set[int] = set()
    for block in SequenceMatcher(None, left, right, autojunk=False).get_matching_blocks():
        for step in range(block.size):
            number = numbers[block.b + step]
            used.add(block.b + step)
            outcomes[block.a + step] = Outcome(
                marks[block.a + step], number["status"], re.sub(r"\s+", " ", number["claim"]),
                re.sub(r"\s+", " ", number["reason"]), re.sub(r"\s+", " ", (number["source"] or {}).get("quote") or ""),
            )  # fmt: skip
    missing = [outcomes.get(at, Outcome(mark, "unseen")) for at, mark in enumerate(marks)]
    return missing, [number for at, number in enumerate(numbers) if at not in used]


def _digits(text: str) -> str:
    found = re.search(r"\d[\d,.]*\d|\d", text)
    return found[0].replace(",", "") if found else text
