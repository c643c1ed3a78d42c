"""A research run with a model, from the command line over HTTP: what it invents is never shown as tied."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_openai import Exchange, FakeOpenAI, Reply, refuses, says

KEY = "sk-test-Zq81mNsecret"
QUESTION = "How did Apple's revenue, margins and cash flow change in fiscal 2022, and how has the stock done since?"
INVENTED = {"text": "Apple's total net sales were $1 trillion in fiscal 2022.", "cites": ["S1"], "company": "AAPL"}


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    code: int
    run: dict[str, Any]
    said: str

    def statuses(self, text: str) -> list[str]:
        """Return the statuses of the numbers printed so."""
        return [n["status"] for claim in self.run["claims"] for n in claim["numbers"] if text in n["text"]]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder with the sample pack."""
    folder = tmp_path_factory.mktemp("home")
    assert tieout(folder, "demo", "--json").code == 0
    return folder


def tieout(home: Path, *arguments: str, **env: str) -> Result:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TIEOUT_")}
    process = subprocess.run(
        [sys.executable, "-m", "tieout.cli", *arguments],
        cwd=home.parent,
        env={**kept, "TIEOUT_HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[2]), **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.stdout, process.stderr
    return Result(process.returncode, json.loads(process.stdout), process.stdout + process.stderr)


def research(home: Path, *replies: Reply, **env: str) -> tuple[Result, FakeOpenAI]:
    with FakeOpenAI(*replies) as server:
        settings = {
            "TIEOUT_MODEL_BASE_URL": server.url,
            "TIEOUT_MODEL": "test-model",
            "TIEOUT_MODEL_API_KEY": KEY,
            "TIEOUT_MODEL_PRICE_IN": "2.50",
            "TIEOUT_MODEL_PRICE_OUT": "10.00",
        }
        result = tieout(home, "research", QUESTION, "--ticker", "AAPL", "--json", **(settings | env))
    return result, server


def writes(*more: dict[str, object]) -> Reply:
    """Write the draft that the material holds and more sentences behind it; corrected, leave out what was invented."""

    def reply(exchange: Exchange) -> None:
        messages = exchange.request_seen.body["messages"]
        (material,) = re.findall(r"<draft>(.*)</draft>", messages[1]["content"]) or [messages[-2]["content"]]
        draft = json.loads(material)
        draft["answer"] = [claim for claim in draft["answer"] if "trillion" not in claim["text"]] + list(more)
        says(json.dumps(draft))(exchange)

    return reply


def test_a_faithful_model_gives_a_report_that_ties_whole(home: Path) -> None:
    result, server = research(home, writes())

    assert (result.code, result.run["status"]) == (0, "done")
    assert result.run["ledger"]["tied"] == result.run["ledger"]["numbers"] >= 15
    assert result.run["usage"] == {"calls": 1, "tokens_in": 120, "tokens_out": 30, "cost": "0.0006"}
    assert len(server.requests) == 1
    assert "+7.8%" in result.run["answer"]


def test_an_invented_number_goes_back_and_is_corrected(home: Path) -> None:
    result, server = research(home, writes(INVENTED), writes())

    assert (result.code, result.run["status"]) == (0, "done")
    assert result.statuses("trillion") == []
    assert "$1 trillion" in server.requests[1].body["messages"][-1]["content"]


def test_a_number_that_a_model_insists_on_is_shown_as_not_tied(home: Path) -> None:
    result, server = research(home, writes(INVENTED))

    assert (result.code, result.run["status"]) == (4, "needs_review")
    assert result.statuses("trillion") == ["contradicted"]
    assert len(server.requests) == 2


def test_a_call_beyond_the_budget_is_not_made(home: Path) -> None:
    result, server = research(home, writes(), TIEOUT_TOKEN_BUDGET="1000")

    assert server.requests == []
    assert result.run["usage"]["calls"] == 0


def test_the_key_is_written_nowhere(home: Path) -> None:
    """Neither by a run that worked nor by one whose server refused and repeated it."""
    for reply in (writes(), refuses(f"not with {KEY}")):
        result, _ = research(home, reply)
        assert KEY not in result.said
    kept = [path for path in home.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    assert kept == []
