"""Questions with checked answers: each is asked of `tieout`, and its report is taken apart number by number."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import FILINGS, Demo, numbers, tied_values
from tests.support.command import Tieout
from tieout.bootstrap import open_desk
from tieout.model import Principal
from tieout.settings import Settings

QUESTIONS = json.loads(Path(__file__).with_name("questions.json").read_text(encoding="utf-8"))
PACK = {"APPLE_2021_10K.pdf", "APPLE_2022_10K.pdf"}
NEAR = Decimal("0.002")


@dataclass(frozen=True)
class Answered:
    """What became of the questions, and the pages of the library that they were asked over."""

    results: dict[str, tuple[int, dict[str, Any]]]
    page: Callable[[str, int], str]


@pytest.fixture(scope="module")
def answered(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Answered:
    """Ask all questions that the documents at hand can answer, one after another, of a service."""
    folder = tmp_path_factory.mktemp("questions")
    tieout = Tieout(folder / "home", folder)
    tieout.copy_of(demo.home)
    askable = QUESTIONS if FILINGS.exists() else [one for one in QUESTIONS if set(one["documents"]) <= PACK]
    if FILINGS.exists():
        ingested = tieout("ingest", str(FILINGS), "--json")
        assert (ingested.code, ingested.json["refused"]) == (0, 0), ingested.err
    results = {}
    with tieout.service():
        for one in askable:
            tickers = [word for ticker in one["tickers"] for word in ("--ticker", ticker)]
            outcome = tieout("research", one["question"], *tickers, "--json")
            results[one["name"]] = outcome.code, outcome.json
    return Answered(results, _pages(tieout.home))


def _pages(home: Path) -> Callable[[str, int], str]:
    """Return a function that gives the text of a page, by the document's id or title."""
    who = Principal("local", "default")
    with open_desk(Settings(home=home)) as desk:
        documents = desk.documents(who)
        texts = {
            one.id: {page.number: page.text for page in desk.parts.library.pages(who, one.id)} for one in documents
        }
    ids = {one.title: one.id for one in documents} | {one.id: one.id for one in documents}
    return lambda document, number: texts[ids[document]][number]


@pytest.fixture(params=QUESTIONS, ids=[one["name"] for one in QUESTIONS])
def asked(request: pytest.FixtureRequest, answered: Answered) -> tuple[dict[str, Any], int, dict[str, Any]]:
    """Give a question, its exit code and its result."""
    question = request.param
    if question["name"] not in answered.results:
        pytest.skip(f"needs {', '.join(question['documents'])}, which are not on this machine")
    return question, *answered.results[question["name"]]


Asked = tuple[dict[str, Any], int, dict[str, Any]]


def test_there_are_ten_questions_of_different_kinds() -> None:
    assert len({one["question"] for one in QUESTIONS}) >= 10
    assert all(one["checked"] for one in QUESTIONS)
    companies = {name.split("_")[0] for one in QUESTIONS for name in one["documents"]}
    assert len(companies) == 9


def test_the_answer_is_right_and_every_number_tied(asked: Asked) -> None:
    question, code, result = asked
    assert (code, result["status"]) == (0, "done")
    tied = tied_values(result)
    assert {Decimal(value) for value in question["values"]} <= tied
    for value, why in question["near"].items():
        wanted = Decimal(value)
        assert any(abs(found - wanted) <= abs(wanted) * NEAR for found in tied), (value, why, sorted(tied))
    counts = result["ledger"]
    assert counts["tied"] == counts["numbers"] == len(numbers(result))
    assert counts["open"] == counts["contradicted"] == 0
    assert {number["status"] for number in numbers(result)} <= {"tied"}
    assert result["answer"].strip()


def test_every_quote_stands_verbatim_on_its_page(asked: Asked, answered: Answered) -> None:
    question, _, result = asked
    quotes = [number["source"] for number in numbers(result) if number["source"]["kind"] == "span"]
    ledger = json.loads(Path(result["artifacts"]["ledger"]).read_text(encoding="utf-8"))
    for quote in [*quotes, *ledger["spans"]]:
        text = answered.page(quote.get("document_id") or quote["document"], quote["page"])
        assert text[quote["start"] : quote["end"]] == quote["quote"] != ""
    assert len(ledger["spans"]) >= question.get("quotes", 0)
    cited = {span["id"] for span in ledger["spans"]}
    assert {span for claim in result["claims"] for span in claim["spans"]} <= cited
    assert {quote["id"] for quote in quotes} <= cited


def test_a_number_from_a_span_is_one_of_its_quote(asked: Asked) -> None:
    """Its digits are those of a number of the quotation, apart from scale and the rounding that it states."""
    _, _, result = asked
    for number in numbers(result):
        if number["source"]["kind"] == "span":
            quoted = re.findall(r"\d[\d,]*(?:\.\d+)?", number["source"]["quote"])
            assert any(_same_digits(number["value"], one.replace(",", "")) for one in quoted), number


def _same_digits(value: str, quoted: str) -> bool:
    said = abs(Decimal(value)).normalize()
    source = Decimal(quoted)
    if not said or not source:
        return said == source
    rounded = Context(prec=len(said.as_tuple().digits), rounding=ROUND_HALF_UP).plus(source).normalize()
    return rounded.as_tuple().digits == said.as_tuple().digits


def test_every_fact_is_computed_again_by_the_notebook(asked: Asked, run_notebook: Callable[[Path], str]) -> None:
    _, _, result = asked
    ledger = json.loads(Path(result["artifacts"]["ledger"]).read_text(encoding="utf-8"))
    facts = {fact["id"] for fact in ledger["facts"]}
    used = {number["source"]["id"] for number in numbers(result) if number["source"]["kind"] == "fact"}
    assert used <= facts
    assert {fact for claim in result["claims"] for fact in claim["facts"]} <= facts
    printed = run_notebook(Path(result["artifacts"]["notebook"]))
    assert printed.splitlines()[-1] == f"{len(facts)} of {len(facts)} computed numbers reproduced"
    assert printed.count(": reproduced\n") == len(facts)
