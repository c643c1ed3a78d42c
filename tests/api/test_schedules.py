"""Schedules over real sockets: the routes by themselves, and the client that hides them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from tests.support.desk import ADMIN, MEMBER, VIEWER, memory_desk
from tests.support.service import TOKEN, Service, running
from tieout.application import Application
from tieout.client import HttpDesk
from tieout.errors import Conflict, InvalidInput, NotFound, PermissionDenied
from tieout.model import FireState, Misfire, Overlap, RunRequest, RunState, ScheduleSpec, ScheduleState

RULE = "cron: 0 7 * * 1-5 Europe/Zurich"
BODY = {"name": "daily", "rule": RULE, "request": {"question": "How is it?"}}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Application]:
    with memory_desk(tmp_path / "reports") as opened:
        yield opened


@pytest.fixture
def service(desk: Application) -> Iterator[Service]:
    with running(desk) as served:
        yield served


@pytest.fixture
def http(service: Service) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with httpx.Client(base_url=service.url + "/api/v1", headers=headers, trust_env=False, timeout=30) as client:
        yield client


@pytest.fixture
def remote(service: Service) -> Iterator[HttpDesk]:
    with HttpDesk(service.url, TOKEN) as client:
        yield client


def test_a_schedule_is_added_shown_paused_fired_and_removed(http: httpx.Client) -> None:
    added = http.post("/schedules", json=BODY)
    assert added.status_code == 201
    assert http.get(added.headers["location"].removeprefix("/api/v1")).json() == added.json()
    assert [one["id"] for one in http.get("/schedules").json()] == [added.json()["id"]]
    assert http.get("/schedules", params={"state": "paused"}).json() == []
    assert http.post("/schedules/daily/pause").json()["state"] == "paused"
    assert http.post("/schedules/daily/resume").json()["state"] == "active"
    run = http.post("/schedules/daily/fire")
    assert run.status_code == 201
    assert [fire["run_id"] for fire in http.get("/schedules/daily/fires").json()] == [run.json()["id"]]
    assert http.delete("/schedules/daily").status_code == 200
    assert http.get("/schedules/daily").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/schedules", {**BODY, "rule": "sometimes"}, 422),
        ("POST", "/schedules", {**BODY, "surprise": 1}, 422),
        ("POST", "/schedules", {**BODY, "misfire": "twice"}, 422),
        ("POST", "/schedules", {**BODY, "request": {"question": "?", "idempotency_key": "mine"}}, 422),
        ("POST", "/schedules", {"name": "x"}, 422),
        ("GET", "/schedules?state=happy", None, 422),
        ("GET", "/schedules/none/fires", None, 404),
        ("POST", "/rules/preview", {"rule": "every 0s"}, 422),
        ("POST", "/rules/preview", {"rule": "every 1s", "count": 100_000}, 422),
    ],
)
def test_what_cannot_be_is_a_problem(http: httpx.Client, method: str, path: str, body: object, status: int) -> None:
    response = http.request(method, path, json=body)
    assert (response.status_code, response.json()["status"]) == (status, status)
    assert response.json()["detail"]


def test_a_taken_name_is_a_conflict(http: httpx.Client) -> None:
    assert [http.post("/schedules", json=BODY).status_code for _ in range(2)] == [201, 409]


def test_the_client_is_the_same_desk(remote: HttpDesk, desk: Application) -> None:
    request = RunRequest(
        "How is it?",
        tickers=("AAPL",),
        params={"a": [1]},
        token_budget=9,
        money_budget=Decimal("1.5"),
        as_of=date(2025, 1, 2),
    )
    spec = ScheduleSpec("Daily: report", RULE, request, Misfire.ALL, 7.5, 3, Overlap.SKIP)
    added = remote.add_schedule(MEMBER, spec)
    assert added == desk.schedule(VIEWER, "Daily: report") == remote.schedule(VIEWER, "daily: report")
    assert (added.spec.misfire, added.spec.request.params, added.principal) == (Misfire.ALL, {"a": [1]}, "max")
    assert remote.schedules(VIEWER) == [added]
    assert remote.schedules(VIEWER, states=[ScheduleState.FAILED]) == []
    assert remote.pause_schedule(MEMBER, added.id).state is ScheduleState.PAUSED
    assert remote.resume_schedule(ADMIN, added.id).next_at == desk.schedule(VIEWER, added.id).next_at
    run = remote.fire_schedule(MEMBER, added.id)
    assert remote.wait(VIEWER, run.id, timeout_s=30).state is RunState.DONE
    (fire,) = remote.fires(VIEWER, added.id, limit=5)
    assert (fire.state, fire.run_id, fire.manual) == (FireState.STARTED, run.id, True)
    assert remote.remove_schedule(MEMBER, added.id).id == added.id
    assert remote.preview_rule(VIEWER, "at 2100-01-01T00:00 UTC") == [datetime(2100, 1, 1, tzinfo=UTC)]


def test_refusals_come_back_as_the_same_errors(remote: HttpDesk) -> None:
    spec = ScheduleSpec("daily", RULE, RunRequest("How is it?"))
    remote.add_schedule(MEMBER, spec)
    for refused, act in (
        (Conflict, lambda: remote.add_schedule(MEMBER, spec)),
        (PermissionDenied, lambda: remote.pause_schedule(VIEWER, "daily")),
        (NotFound, lambda: remote.schedule(MEMBER, "a/b?c#d")),
        (NotFound, lambda: remote.schedule(MEMBER, "caf\udce9")),
        (InvalidInput, lambda: remote.preview_rule(MEMBER, "caf\udce9")),
    ):
        with pytest.raises(refused):
            act()
