"""What the compose file starts is what tieout is: known settings, known commands, nobody root; and it works together."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.acceptance.chat_site import install_agent
from tests.support.command import Tieout, until
from tieout.settings import Settings

DEPLOY = Path(__file__).parents[2] / "deploy"
SERVICE_KEYS = {
    "image", "build", "restart", "volumes", "depends_on", "cap_drop", "security_opt", "environment", "healthcheck",
    "command", "ports", "profiles", "stop_grace_period",
}  # fmt: skip


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return found


OURS = {name: one for name, one in compose()["services"].items() if one["image"] == "tieout"}


def test_the_file_has_the_parts_of_the_team_profile_and_nothing_unknown() -> None:
    whole = compose()
    assert set(whole) == {"name", "x-tieout", "x-environment", "services", "volumes"}
    assert set(whole["services"]) == {"postgres", "redis", "qdrant", "service", "worker", "slack", "discord"}
    for name, one in whole["services"].items():
        assert set(one) <= SERVICE_KEYS, name
        assert ":" in one["image"] or one["image"] == "tieout", f"{name} has no version"
        for volume in one.get("volumes", []):
            assert volume.partition(":")[0] in whole["volumes"]
        for needed in one.get("depends_on", {}):
            assert needed in whole["services"]


@pytest.mark.parametrize("name", OURS)
def test_its_environment_is_settings_that_there_are(name: str) -> None:
    for variable in OURS[name]["environment"]:
        assert variable.removeprefix("TIEOUT_").lower() in Settings.model_fields, variable


@pytest.mark.parametrize("name", OURS)
def test_its_command_is_one_that_there_is(name: str, tmp_path: Path) -> None:
    command = OURS[name]["command"]
    told = Tieout(tmp_path, tmp_path)(*command[: 2 if command[0] == "bot" else 1], "--help")
    assert told.code == 0, told.err
    for option in (one for one in command if one.startswith("--")):
        assert option in told.out


def test_only_the_service_is_reached_from_this_machine_alone() -> None:
    ports = {name: one["ports"] for name, one in compose()["services"].items() if "ports" in one}
    assert ports == {"service": ["127.0.0.1:8080:8080"]}


def test_the_image_runs_as_a_user_without_rights_and_holds_every_package() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    assert re.findall(r"^USER (\S+)$", text, re.MULTILINE) == ["tieout"]
    assert text.index("USER tieout") < text.index("ENTRYPOINT")
    root = DEPLOY.parent
    packages = {path.parent.name for path in root.glob("*/__init__.py")} - {"tests", "benchmarks"}
    copied = set(re.findall(r"^COPY (\S+) \1$", text, re.MULTILINE))
    assert packages <= copied
    assert json.loads(re.findall(r"^CMD (\[.up.*\])$", text, re.MULTILINE)[0]) == OURS["service"]["command"]


def test_service_and_worker_as_processes_do_a_run_together(tmp_path: Path, postgres_url: str, redis_url: str) -> None:
    """The same commands with the same environment, but for addresses of this machine; Qdrant has no server here."""
    given = {"TIEOUT_DATABASE_URL": postgres_url, "TIEOUT_REDIS_URL": redis_url, "TIEOUT_PROFILE": "team"}
    agents = str(install_agent(tmp_path / "agents"))
    tieout = Tieout(tmp_path / "data", tmp_path, {**given, "PYTHONPATH": agents, "TIEOUT_API_TOKEN": "a token"})
    with tieout.start("up", "--port", "0") as service, tieout.start(*OURS["worker"]["command"]) as worker:
        try:
            assert service.stderr is not None
            url = next(line for line in service.stderr if "tieout is up at" in line).split()[4]
            until(lambda: "worker" in tieout("worker", "list", "--json").out)
            with httpx.Client(base_url=url, headers={"Authorization": "Bearer a token"}, timeout=30) as http:
                assert http.get("/health/ready").status_code == 200
                run = http.post("/api/v1/runs", json={"question": "Publish it", "agent": "publish"}).json()
                until(lambda: http.get(f"/api/v1/runs/{run['id']}").json()["state"] == "waiting")
                (wait,) = http.get(f"/api/v1/runs/{run['id']}/waits").json()
                decision = {"name": wait["name"], "decision": "approved", "draft_sha256": wait["draft_sha256"]}
                http.post(f"/api/v1/runs/{run['id']}/waits/decide", json=decision).raise_for_status()
                assert http.get(f"/api/v1/runs/{run['id']}?wait=60").json()["state"] == "done"
        finally:
            for process in (service, worker):
                process.terminate()
            ends = service.wait(60), worker.wait(60)
    assert ends == (0, 0)
