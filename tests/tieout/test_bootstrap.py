"""The parts joined for real: both profiles carry a run to its end, and nothing is opened before it is needed."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.support.desk import agents
from tests.support.fake_openai import FakeOpenAI, fails
from tieout import bootstrap
from tieout.bootstrap import open_desk
from tieout.errors import FolderLocked, ProviderError
from tieout.lazy import close_if_built, lazily
from tieout.model import Principal, Role, RunRequest, RunState
from tieout.ports import READY
from tieout.settings import Settings

ADA = Principal("ada", "desk", Role.ADMIN)
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def toy_agents(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let runs end at once."""
    monkeypatch.setattr(bootstrap, "_agents", agents)


def settings(folder: Path, **given: object) -> Settings:
    return Settings(_env_file=None, home=folder, **given)  # type: ignore[arg-type]


def test_the_embedded_profile_carries_a_run_to_its_end_and_releases_the_folder(tmp_path: Path) -> None:
    with open_desk(settings(tmp_path / "home"), work=True) as desk:
        run = desk.start_run(ADA, RunRequest("How much?"))
        assert desk.wait(ADA, run.id, timeout_s=60).state is RunState.DONE
        with pytest.raises(FolderLocked), open_desk(settings(tmp_path / "home")):
            pass
    with open_desk(settings(tmp_path / "home")) as again:
        assert again.artifact_bytes(ADA, run.id, "report.md") == b"# Report\n"


def test_removing_an_ingested_report_leaves_the_report_itself(tmp_path: Path) -> None:
    """The same bytes are a document and an artifact; each has a life of its own."""
    with open_desk(settings(tmp_path / "home"), work=True) as desk:
        run = desk.start_run(ADA, RunRequest("How much?"))
        assert desk.wait(ADA, run.id, timeout_s=60).state is RunState.DONE
        files = desk.export_artifacts(ADA, run.id, tmp_path / "report")
        assert [outcome.status for outcome in desk.ingest(ADA, files)] == ["added"]
        desk.remove_document(ADA, "report.md")
        assert desk.artifact_bytes(ADA, run.id, "report.md") == b"# Report\n"


@pytest.mark.parametrize("with_redis", [True, False], ids=["redis", "postgres alone"])
def test_a_door_of_the_team_profile_wakes_the_engines_and_followers_of_other_processes(
    with_redis: bool, tmp_path: Path, postgres_url: str, request: pytest.FixtureRequest
) -> None:
    redis_url = request.getfixturevalue("redis_url") if with_redis else None
    team = settings(tmp_path / "home", profile="team", database_url=postgres_url, redis_url=redis_url)
    with open_desk(team) as door, open_desk(team) as other:
        ready, changed = threading.Event(), threading.Event()
        other.changes.listen(ready.set, READY)
        heard: list[None] = []
        other.changes.listen(lambda: heard.append(None), "probe")
        deadline = time.monotonic() + 60
        while len(heard) < 3:  # the line itself wakes once, when it is there
            assert time.monotonic() < deadline
            door.changes.notify("probe")
            time.sleep(0.01)
        ready.clear()
        run = door.start_run(ADA, RunRequest("How much?"))
        assert ready.wait(60)
        other.changes.listen(changed.set, run.id)
        door.cancel(ADA, run.id)
        assert changed.wait(60)


def test_the_team_profile_shares_one_state_between_processes(tmp_path: Path, postgres_url: str, redis_url: str) -> None:
    team = settings(tmp_path / "home", profile="team", database_url=postgres_url, redis_url=redis_url)
    with open_desk(team, work=True), open_desk(team) as door:  # a worker, and a door that does no work itself
        run = door.start_run(ADA, RunRequest("How much?"))
        assert door.wait(ADA, run.id, timeout_s=60).state is RunState.DONE
        assert [event.seq for event in door.follow(ADA, run.id)] == list(range(1, len(door.events(ADA, run.id)) + 1))


@pytest.mark.parametrize("own", [True, False])
def test_the_models_key_is_sent_to_the_models_address_only(own: bool) -> None:
    with FakeOpenAI(fails(401)) as server:
        given: dict[str, object] = {"model_base_url": "http://127.0.0.1:9/v1", "embedding_base_url": server.url}
        if own:
            given = {"model_base_url": server.url}
        embeddings = {"embeddings": "openai", "embedding_model": "m", "embedding_dimensions": 4}
        of = settings(Path("unused"), model_api_key="sk-model", **embeddings, **given)
        made = lazily(lambda: bootstrap._embedder(of))
        with pytest.raises(ProviderError):
            made.embed(["x"])
        close_if_built(made)
        assert ("sk-model" in str(server.requests[0].headers)) is own


def test_listing_runs_loads_no_embedder_index_or_lake(tmp_path: Path) -> None:
    script = (
        "import sys; from tieout.cli import main; sys.argv[1:] = ['runs', 'list']\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'wordllama', 'qdrant_edge', 'duckdb', 'polars', 'deltalake', 'pypdfium2', 'matplotlib', 'openai'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    command = [sys.executable, "-c", script]
    env = {"PYTHONPATH": str(ROOT), "TIEOUT_HOME": str(tmp_path / "home"), "PATH": ""}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.strip().endswith("[]"), done.stdout + done.stderr


def test_a_lazy_part_is_built_once_and_closed_only_if_used() -> None:
    class Part:
        built = 0
        closed = 0

        def __init__(self) -> None:
            Part.built += 1
            self.name = "part"

        def close(self) -> None:
            Part.closed += 1

    unused, used = lazily(Part), lazily(Part)
    assert (used.name, used.name, Part.built) == ("part", "part", 1)
    close_if_built(unused)
    close_if_built(used)
    assert (Part.built, Part.closed) == (1, 1)
