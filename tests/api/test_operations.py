"""Operating runs over HTTP: each route, its problems, and the client that hides it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from tests.support.command import until
from tests.support.desk import DRAFT, GO, MEMBER, VIEWER, memory_desk
from tests.support.service import TOKEN, running
from tieout.application import Application
from tieout.client import HttpDesk
from tieout.errors import Conflict, InvalidInput, NeedsAnswer, NotFound, PermissionDenied
from tieout.model import Principal, RunRequest, RunState
from tieout.ports import RunFilter

AUTH = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Application]:
    with memory_desk(tmp_path / "reports") as opened:
        yield opened


@pytest.fixture
def url(desk: Application) -> Iterator[str]:
    with running(desk) as served:
        yield served.url


@pytest.fixture
def http(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url + "/api/v1", headers=AUTH, trust_env=False, timeout=60) as client:
        yield client


@pytest.fixture
def remote(url: str, tmp_path: Path) -> Iterator[HttpDesk]:
    with HttpDesk(url, TOKEN, reports=tmp_path / "fetched") as client:
        yield client


def started(desk: Application, end: str) -> str:
    return desk.start_run(MEMBER, RunRequest("How much?", params={"end": end})).id


def in_state(desk: Application, end: str, state: RunState) -> str:
    """Start a run and return its id when it is in that state."""
    run_id = started(desk, end)
    until(lambda: desk.run(VIEWER, run_id).state is state)
    return run_id


def test_a_priority_travels_with_the_request_and_is_within_bounds(http: httpx.Client, remote: HttpDesk) -> None:
    made = http.post("/runs", json={"question": "How much?", "priority": -7})
    assert made.json()["request"]["priority"] == -7
    assert http.post("/runs", json={"question": "How much?", "priority": 101}).status_code == 422
    assert remote.start_run(MEMBER, RunRequest("How much?", priority=100)).request.priority == 100


def test_the_client_operates_runs_as_the_desk_does(remote: HttpDesk, desk: Application) -> None:
    blocked = started(desk, "block")
    until(lambda: {step.key: step.state for step in desk.steps(VIEWER, blocked)}["left"] == "running")
    assert remote.pause(MEMBER, blocked).state is RunState.PAUSED
    assert remote.cancel_step(MEMBER, blocked, "left").state is RunState.CANCELLED
    failed = in_state(desk, "mend", RunState.FAILED)
    assert remote.dead_letters(VIEWER) == desk.dead_letters(VIEWER)
    assert remote.dead_letters(VIEWER, run_id=blocked, limit=3) == []
    where = RunFilter((RunState.FAILED,), "research", "cannot", datetime.now(UTC) - timedelta(hours=1))
    assert remote.replay_many(MEMBER, where, dry_run=True) == desk.replay_many(MEMBER, where, dry_run=True)
    GO.set()
    assert list(remote.replay_many(MEMBER, where).runs) == [failed]
    assert desk.wait(MEMBER, failed, timeout_s=60).state is RunState.DONE
    remote.replay(MEMBER, failed, step="left")
    assert desk.wait(MEMBER, failed, timeout_s=60).state is RunState.DONE
    assert remote.replay(MEMBER, blocked).id == blocked


def test_the_client_sees_and_decides_what_runs_wait_for(remote: HttpDesk, desk: Application) -> None:
    run_id = in_state(desk, "approve", RunState.WAITING)
    assert remote.waits(VIEWER) == desk.waits(VIEWER)
    assert remote.waits(VIEWER, run_id=run_id) == desk.waits(VIEWER, run_id=run_id)
    decided = remote.decide(MEMBER, run_id, "publish/", "approved", draft_sha256=DRAFT, reason="fine")
    assert (decided.decided_by, decided.payload) == (MEMBER.id, {"reason": "fine"})
    assert desk.wait(MEMBER, run_id, timeout_s=60).state is RunState.DONE


def test_the_client_sees_effects_of_unknown_outcome_and_signals(remote: HttpDesk, desk: Application) -> None:
    run_id = in_state(desk, "unsure", RunState.WAITING)
    assert remote.unknown_effects(VIEWER) == desk.unknown_effects(VIEWER)
    assert len(remote.unknown_effects(VIEWER, limit=1)) == 1
    (wait,) = remote.waits(VIEWER)
    assert remote.decide(MEMBER, run_id, wait.token, "arrived").decision == "arrived"
    told = in_state(desk, "signal", RunState.WAITING)
    assert remote.signal(MEMBER, told, "prices/arrived", {"rows": 3, "ünïcode": "ü"})
    assert not remote.signal(MEMBER, told, "prices/arrived", {})
    assert desk.waits(VIEWER, run_id=told)[0].payload == {"rows": 3, "ünïcode": "ü"}


def test_the_clients_refusals_are_the_desks(remote: HttpDesk, desk: Application) -> None:
    run_id = in_state(desk, "approve", RunState.WAITING)
    stranger = Principal("eve", "elsewhere")
    refusals = [
        (NotFound, lambda: remote.pause(stranger, run_id)),
        (NotFound, lambda: remote.waits(stranger, run_id=run_id)),
        (NotFound, lambda: remote.cancel_step(MEMBER, run_id, "no/such step")),
        (NotFound, lambda: remote.replay(MEMBER, run_id, step="")),
        (NotFound, lambda: remote.decide(MEMBER, run_id, "nope", "approved")),
        (PermissionDenied, lambda: remote.decide(VIEWER, run_id, "publish", "approved")),
        (PermissionDenied, lambda: remote.replay_many(VIEWER, RunFilter())),
        (Conflict, lambda: remote.decide(MEMBER, run_id, "publish", "approved", draft_sha256="e" * 64)),
        (InvalidInput, lambda: remote.decide(MEMBER, run_id, "publish", "maybe", draft_sha256=DRAFT)),
        (InvalidInput, lambda: remote.replay(MEMBER, run_id, redeliver=True)),
        (InvalidInput, lambda: remote.replay_many(MEMBER, RunFilter(states=(RunState.DONE,)))),
        (InvalidInput, lambda: remote.dead_letters(VIEWER, limit=0)),
        (InvalidInput, lambda: remote.signal(MEMBER, run_id, "name", {"x": float("nan")})),
        (InvalidInput, lambda: remote.signal(MEMBER, run_id, "caf\udce9", {})),
    ]
    for kind, act in refusals:
        with pytest.raises(kind):
            act()
    assert desk.run(VIEWER, run_id).state is RunState.WAITING


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "kind"),
    [
        ("GET", "/runs/nope/waits", None, 404, "NotFound"),
        ("GET", "/dead-letters?run=nope", None, 404, "NotFound"),
        ("GET", "/dead-letters?limit=many", None, 422, "InvalidInput"),
        ("GET", "/effects/unknown?limit=0", None, 422, "InvalidInput"),
        ("POST", "/runs/nope/pause", None, 404, "NotFound"),
        ("POST", "/runs/nope/replay", {}, 404, "NotFound"),
        ("POST", "/runs/nope/replay", {"from": "left"}, 422, "InvalidInput"),
        ("POST", "/runs/nope/steps/left/cancel", None, 404, "NotFound"),
        ("POST", "/runs/nope/signals/a%2Fb", {}, 404, "NotFound"),
        ("POST", "/runs/nope/waits/decide", {"name": "x"}, 422, "InvalidInput"),
        ("POST", "/runs/replay", {"states": ["happy"]}, 422, "InvalidInput"),
        ("POST", "/runs/replay", {"states": ["done"]}, 422, "InvalidInput"),
        ("POST", "/runs/replay", {"since": "2030-01-01T09:00"}, 422, "InvalidInput"),
        ("POST", "/runs/replay", {"step": "left"}, 422, "InvalidInput"),
    ],
)
def test_what_cannot_be_done_is_a_problem(
    http: httpx.Client, method: str, path: str, body: object, status: int, kind: str
) -> None:
    response = http.request(method, path, json=body)
    problem = response.json()
    assert (response.status_code, problem["kind"]) == (status, kind), problem
    assert response.headers["content-type"] == "application/problem+json"


def test_an_unclear_name_is_asked_back(desk: Application) -> None:
    run_id = in_state(desk, "approve", RunState.WAITING)
    (real,) = desk.waits(VIEWER)

    class Several:
        def __getattr__(self, name: str) -> object:
            return getattr(desk.store, name)

        def waits(self, *_args: object, **_options: object) -> list[object]:
            return [real, replace(real, name="public", token="wait_other")]

    crowded = replace(desk, store=Several())  # type: ignore[arg-type]
    with (
        running(crowded) as served,
        HttpDesk(served.url, TOKEN) as client,
        pytest.raises(NeedsAnswer, match="public"),
    ):
        client.decide(MEMBER, run_id, "publ", "approved", draft_sha256=DRAFT)
