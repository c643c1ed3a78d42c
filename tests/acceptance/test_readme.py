"""The commands that README.md tells a reader to try do what it says."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from tests.support.command import Tieout

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
TRIED = [line.split("#")[0].strip() for line in re.findall(r"^    (tieout .*)$", README, re.M)]
EXPECTED = {"check": 4}  # the draft below holds a wrong number


@pytest.fixture
def desk(prepared: Tieout) -> Tieout:
    """Give a working directory that holds the files that the README speaks of."""
    filings = prepared.folder / "path" / "to" / "your" / "filings"
    filings.mkdir(parents=True)
    (filings / "acme.md").write_text("# Acme Corp annual report\n\nIn 2023, Acme had 1,204 employees.\n")
    (prepared.folder / "prices.csv").write_text("Date,Ticker,Adj Close\n2024-01-02,ACME,10.5\n2024-01-03,ACME,10.6\n")
    (prepared.folder / "draft.md").write_text(
        "Apple's net sales were $394.3 billion in fiscal 2022, and $900 in 2021.\n"
    )
    shutil.copy(ROOT / "tieout" / "sample_pack" / "filings" / "APPLE_2022_10K.pdf", prepared.folder / "10-K.pdf")
    return prepared


def test_the_readme_shows_commands() -> None:
    assert len(TRIED) >= 9


@pytest.mark.parametrize("command", [one for one in TRIED if one != "tieout up"])
def test_each_command_works_as_written(command: str, desk: Tieout) -> None:
    arguments = shlex.split(command)[1:]
    outcome = desk(*arguments)
    assert outcome.code == EXPECTED.get(arguments[0], 0), outcome.err
    assert outcome.out.strip()
    assert "Traceback" not in outcome.err


def test_pictures_and_pages_that_the_readme_names_are_there() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target
