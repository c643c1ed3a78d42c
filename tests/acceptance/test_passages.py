"""Questions that filings answer in words: the quotation must hold the phrase, and stand on its page as quoted."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import FILINGS, Demo
from tests.support.command import Tieout
from tieout.bootstrap import open_desk
from tieout.model import Principal, RunRequest, RunState
from tieout.settings import Settings

QUESTIONS: list[dict[str, Any]] = json.loads(Path(__file__).with_name("passages.json").read_text(encoding="utf-8"))
PACK = {"APPLE_2021_10K.pdf", "APPLE_2022_10K.pdf"}
WHO = Principal("local", "default")
HITS = 0.9  # of the questions that must be answered with the phrase
PATIENCE_S = 120.0


@dataclass(frozen=True)
class Said:
    """What was answered to a question: the text, and whether each quotation is word for word that of its page."""

    question: dict[str, Any]
    state: RunState
    answer: str
    verbatim: bool

    @property
    def hit(self) -> bool:
        """Whether the answer holds the phrase that the filing answers with."""
        return any(phrase in self.answer for phrase in self.question["phrases"])


@pytest.fixture(scope="module")
def said(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> list[Said]:
    """Ask all questions whose filings are at hand of one process."""
    folder = tmp_path_factory.mktemp("passages")
    Tieout(folder / "home", folder).copy_of(demo.home)
    askable = [one for one in QUESTIONS if FILINGS.exists() or one["document"] in PACK]
    with open_desk(Settings(home=folder / "home"), work=True) as desk:
        if FILINGS.exists():
            desk.ingest(WHO, [FILINGS])
        pages = {
            (document.sha256[:16], page.number): page.text
            for document in desk.documents(WHO)
            for page in desk.parts.library.pages(WHO, document.id)
        }
        runs = [desk.start_run(WHO, RunRequest(one["question"], "ask")) for one in askable]
        answers = []
        for question, run in zip(askable, runs, strict=True):
            done = desk.wait(WHO, run.id, timeout_s=PATIENCE_S)
            result = desk.result(WHO, run.id)
            verbatim = all(_verbatim(claim, pages) for claim in result["claims"] if "“" in claim["text"])
            answers.append(Said(question, done.state, " ".join(str(result["answer"]).split()), verbatim))
    return answers


def _verbatim(claim: dict[str, Any], pages: dict[tuple[str, int], str]) -> bool:
    """Whether the quotation of a claim is the text at the place that its span names."""
    sha, page, start, end = claim["spans"][0].removeprefix("span_").split("_")
    quoted = claim["text"].split("“", 1)[1].removesuffix("”")
    return bool(quoted == " ".join(pages[sha, int(page)][int(start) : int(end)].split()))


def test_the_questions_are_about_all_nine_companies() -> None:
    assert len(QUESTIONS) >= 60
    assert len({one["document"].split("_")[0] for one in QUESTIONS}) == 9


def test_the_answers_quote_what_the_filings_say(said: list[Said]) -> None:
    missed = [(one.question["question"], one.answer) for one in said if not one.hit]
    assert len(said) - len(missed) >= HITS * len(said), missed


def test_every_quotation_ties_out_and_is_verbatim(said: list[Said]) -> None:
    assert [one.question["question"] for one in said if one.state is not RunState.DONE or not one.verbatim] == []
