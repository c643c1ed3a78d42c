"""A desk at work is backed up, killed and lost; what is restored elsewhere answers as it did and finishes its runs."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import tied_values
from tests.support.command import Tieout, until

QUESTION = "How did Apple's net sales change from 2021 to 2022, and what did its stock return in 2023?"
PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "back-up-and-restore.md").read_text(encoding="utf-8")
FINAL = {"done", "needs_review", "needs_answer"}


def runs(tieout: Tieout) -> dict[str, str]:
    return {run["id"]: run["state"] for run in tieout("runs", "list", "--json").json["runs"]}


def found(tieout: Tieout) -> list[tuple[Any, ...]]:
    """Return where a search finds what, best first. Far down, hits of nearly the same score may change places."""
    hits = tieout("search", "net sales by category", "--json").json["hits"]
    return [(hit["document"], hit["page"], hit["text"]) for hit in hits[:5]]


def prices(folder: Path) -> Path:
    path = folder / "ZZZZ.csv"
    path.write_text("date,close\n" + "".join(f"2024-01-{day:02},{day}\n" for day in range(2, 30)))
    return path


def elsewhere(tieout: Tieout, name: str) -> Tieout:
    return Tieout(tieout.folder / name, tieout.folder)


def checks(tieout: Tieout) -> dict[str, str]:
    return {check["name"]: check["state"] for check in tieout("doctor", "--json").json["checks"]}


@pytest.mark.timeout(600)
def test_a_service_under_load_is_backed_up_killed_and_restored(prepared: Tieout) -> None:
    note = prepared.folder / "note.txt"
    note.write_text("The quokka budget for fiscal 2031 is 417 dollars. " * 20)
    with prepared.service() as process:
        load = [prepared.start("research", QUESTION, "--json") for _ in range(3)]
        load.append(prepared.start("ingest", str(note)))
        load.append(prepared.start("market", "import", str(prices(prepared.folder)), "--vendor", "test"))
        until(lambda: len(runs(prepared)) == 4)
        made = prepared("backup", "desk.tar.gz", "--json")
        assert made.code == 0, made.err
        process.kill()
        for one in load:
            one.kill()
            one.communicate()

    restored = elsewhere(prepared, "restored")
    outcome = restored("restore", "desk.tar.gz", "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.json["findings"] == [] and outcome.json["chunks"] > 0
    assert len(runs(restored)) == made.json["backup"]["counts"]["runs"] == 4
    with restored.service():
        until(lambda: set(runs(restored).values()) <= FINAL)
        for run in runs(restored):
            artifacts = restored("runs", "show", run, "--json").json["artifacts"]
            assert "report.md" in {artifact["name"] for artifact in artifacts}
    assert checks(restored)["records"] == checks(restored)["index"] == "ok"


def test_what_is_restored_answers_with_the_same_facts_and_spans(prepared: Tieout) -> None:
    first = prepared("research", QUESTION, "--json")
    assert first.code == 0, first.err
    asked = first.json
    assert prepared("backup", "desk.tar.gz").code == 0
    restored = elsewhere(prepared, "restored")
    assert restored("restore", "desk.tar.gz").code == 0

    second = restored("research", QUESTION, "--json")
    assert second.code == 0, second.err
    again = second.json
    assert tied_values(again) == tied_values(asked) != set()
    assert found(restored) == found(prepared) != []


@pytest.mark.timeout(600)
def test_a_desk_moves_from_one_machine_to_a_team_and_back(
    prepared: Tieout, empty_postgres: str, redis_url: str
) -> None:
    before = found(prepared)
    assert prepared("backup", "one.tar.gz").code == 0
    env = {"TIEOUT_PROFILE": "team", "TIEOUT_DATABASE_URL": empty_postgres, "TIEOUT_REDIS_URL": redis_url}
    team = elsewhere(prepared, "team").with_env(**env)
    outcome = team("restore", "one.tar.gz", "--json")
    assert outcome.code == 0, outcome.err
    assert found(team) == before
    asked = team("research", QUESTION, "--json")
    assert asked.code == 0, asked.err

    made = team("backup", "two.tar.gz", "--json").json["backup"]
    assert (made["profile"], made["counts"]["runs"]) == ("team", 2)
    home = elsewhere(prepared, "home")
    assert home("restore", "two.tar.gz").code == 0
    assert found(home) == before and runs(home) == runs(team)
    assert checks(home)["records"] == "ok"
    # The database is in use now: nothing is ever put over it.
    refused = elsewhere(prepared, "again").with_env(**env)("restore", "one.tar.gz")
    assert refused.code == 5 and "not empty" in refused.err


def test_the_commands_of_the_page_work_as_written(prepared: Tieout) -> None:
    commands = re.findall(r"^tieout (.*?)\s*(?:#.*)?$", PAGE, re.M)
    assert len(commands) == 5
    for command in commands:
        outcome = prepared(*shlex.split(command))
        assert outcome.code == 0, (command, outcome.err)
        assert outcome.out.strip(), command
    assert set(runs(Tieout(prepared.folder / "new", prepared.folder)).values()) == {"done"}
    unpack = "tar xzf desk.tar.gz && sha256sum --quiet -c members.sha256"
    assert unpack.replace(" --quiet", "") in PAGE
    subprocess.run(["sh", "-c", unpack], cwd=prepared.folder, check=True)
