"""The HTTP service over real sockets: who is let in, what errors look like, events, and the client that hides it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import httpx
import pytest

from api.answers import Json
from tests.support.desk import ADMIN, GO, MEMBER, VIEWER, memory_desk
from tests.support.service import TOKEN, Service, running
from tieout.application import Application
from tieout.client import HttpDesk, read_sse
from tieout.errors import (
    Conflict,
    InvalidInput,
    NotAvailable,
    NotFound,
    PermissionDenied,
    UnknownInstrument,
)
from tieout.model import Principal, RunRequest, RunState, SeriesKey
from tieout.ports import ImportOptions, IngestOutcome

AUTH = {"Authorization": f"Bearer {TOKEN}"}


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
    with httpx.Client(base_url=service.url, headers=AUTH, trust_env=False, timeout=30) as client:
        yield client


@pytest.fixture
def remote(service: Service, tmp_path: Path) -> Iterator[HttpDesk]:
    with HttpDesk(service.url, TOKEN, reports=tmp_path / "fetched") as client:
        yield client


# ---------------------------------------------------------------- who is let in


@pytest.mark.parametrize("token", [None, "Bearer wrong", "Bearer", "Basic correct-horse", f"Bearer {TOKEN}x"])
@pytest.mark.parametrize("path", ["/api/v1/runs", "/api/v1/openapi.json", "/anything"])
def test_nothing_but_health_is_shown_without_the_token(service: Service, token: str | None, path: str) -> None:
    headers = {"Authorization": token} if token else {}
    response = httpx.get(service.url + path, headers=headers, trust_env=False)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.headers["content-type"] == "application/problem+json"
    assert TOKEN not in response.text


def test_health_needs_no_token(service: Service) -> None:
    assert httpx.get(service.url + "/health/live", trust_env=False).json() == {"status": "live"}
    assert httpx.get(service.url + "/health/ready", trust_env=False).status_code == 200
    service.stopping.set()
    assert httpx.get(service.url + "/health/ready", trust_env=False).status_code == 503


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""])
def test_a_foreign_host_name_is_refused_even_with_the_token(http: httpx.Client, host: str) -> None:
    assert http.get("/api/v1/runs", headers={"Host": host}).status_code == 421
    assert http.get("/health/live", headers={"Host": host}).status_code == 421


def test_loopback_names_are_let_in(http: httpx.Client) -> None:
    for host in ("localhost:1234", "127.0.0.1", "[::1]:80", "LOCALHOST"):
        assert http.get("/api/v1/runs", headers={"Host": host}).status_code == 200


def test_a_large_body_is_refused_with_and_without_a_length(http: httpx.Client) -> None:
    whole = http.post("/api/v1/check", content=b"x" * 8_000_001)
    pieces = http.post("/api/v1/check", content=(b"x" * 1_000_000 for _ in range(9)))
    assert (whole.status_code, pieces.status_code) == (413, 413)
    assert pieces.json()["kind"] == "InvalidInput"


def test_a_role_or_workspace_that_cannot_be_is_refused(http: httpx.Client) -> None:
    for headers in ({"Tieout-Role": "god"}, {"Tieout-Workspace": "../other"}, {"Tieout-Workspace": "a%2Fb"}):
        assert http.get("/api/v1/runs", headers=headers).status_code == 422


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "kind"),
    [
        ("GET", "/api/v1/runs/nope", None, 404, "NotFound"),
        ("GET", "/api/v1/nowhere", None, 404, "NotFound"),
        ("PUT", "/api/v1/runs", None, 405, "InvalidInput"),
        ("POST", "/api/v1/runs", {"question": ""}, 422, "InvalidInput"),
        ("POST", "/api/v1/runs", {"question": "q", "surprise": 1}, 422, "InvalidInput"),
        ("POST", "/api/v1/runs", {"question": "q", "as_of": "soon"}, 422, "InvalidInput"),
        ("POST", "/api/v1/runs", {"question": "q", "tickers": ["QQXZ"]}, 422, "UnknownInstrument"),
        ("POST", "/api/v1/documents", {"paths": ["relative.pdf"]}, 422, "InvalidInput"),
        ("POST", "/api/v1/market/import", {"path": "/nowhere/x.csv"}, 422, "InvalidInput"),
        ("GET", "/api/v1/runs?limit=0", None, 422, "InvalidInput"),
    ],
)
def test_errors_are_problem_details(
    http: httpx.Client, method: str, path: str, body: object, status: int, kind: str
) -> None:
    response = http.request(method, path, json=body)
    problem = response.json()
    assert (response.status_code, problem["status"], problem["kind"]) == (status, status, kind)
    assert response.headers["content-type"] == "application/problem+json"
    assert problem["detail"]
    assert "Traceback" not in response.text


# ---------------------------------------------------------------- runs


def test_text_that_utf_8_cannot_carry_is_refused_and_never_breaks_an_answer(http: httpx.Client) -> None:
    """A terminal's undecodable bytes arrive as lone surrogates; JSON can escape them, UTF-8 cannot hold them."""
    body = b'{"question": "caf\\udce9 revenue?"}'
    response = http.post("/api/v1/runs", content=body, headers={"Content-Type": "application/json"})
    assert (response.status_code, response.json()["kind"]) == (422, "InvalidInput")
    assert Json({"name": "\udce9"}).body == b'{"name":"\\udce9"}'


def test_the_client_names_files_and_refuses_questions_that_are_not_utf_8(remote: HttpDesk, tmp_path: Path) -> None:
    path = tmp_path / "caf\udce9.txt"
    path.write_text("Revenue rose.")
    assert [outcome.status for outcome in remote.ingest(MEMBER, [path])] == ["added"]
    for act in (
        lambda: remote.start_run(MEMBER, RunRequest("caf\udce9?")),
        lambda: remote.instrument(MEMBER, "caf\udce9"),
        lambda: remote.ingest(MEMBER, [tmp_path / "no\udce9.txt"]),
    ):
        with pytest.raises(InvalidInput):
            act()
    with pytest.raises(NotFound):
        remote.run(MEMBER, "run_\udce9")


def test_a_submitted_run_is_created_once_per_idempotency_key(http: httpx.Client) -> None:
    headers = {"Idempotency-Key": "k1"}
    first = http.post("/api/v1/runs", json={"question": "How much?"}, headers=headers)
    again = http.post("/api/v1/runs", json={"question": "How much?"}, headers=headers)
    other = http.post("/api/v1/runs", json={"question": "How many?"}, headers=headers)
    assert (first.status_code, other.status_code) == (201, 409)
    assert first.json()["id"] == again.json()["id"]
    assert http.get(first.headers["location"]).json()["request"]["question"] == "How much?"


def test_an_artifact_is_a_download(http: httpx.Client, desk: Application) -> None:
    run = desk.start_run(ADMIN, RunRequest("How much?"))
    desk.wait(ADMIN, run.id, timeout_s=30)
    response = http.get(f"/api/v1/runs/{run.id}/artifacts/report.md")
    assert response.content == b"# Report\n"
    assert response.headers["content-disposition"].startswith("attachment")
    assert response.headers["x-content-type-options"] == "nosniff"
    assert http.get(f"/api/v1/runs/{run.id}/artifacts/..%2Fsecret").status_code == 404


# ---------------------------------------------------------------- events


def stream(http: httpx.Client, run_id: str, last: str | None = None) -> list[dict[str, object]]:
    headers = {"Last-Event-ID": last} if last else {}
    with http.stream("GET", f"/api/v1/runs/{run_id}/events", headers=headers) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        return [json.loads(data) for data in read_sse(response.iter_lines())]


def test_a_stream_tells_each_event_once_in_order_and_ends_with_the_run(http: httpx.Client, desk: Application) -> None:
    run = desk.start_run(ADMIN, RunRequest("How much?", params={"end": "block"}))
    told: list[dict[str, object]] = []
    reader = threading.Thread(target=lambda: told.extend(stream(http, run.id)))
    reader.start()
    GO.set()
    reader.join(30)
    assert not reader.is_alive()
    assert [event["seq"] for event in told] == list(range(1, len(told) + 1))
    assert told[-1]["kind"] == "run_finished"


def test_a_stream_is_taken_up_after_the_last_event_id(http: httpx.Client, desk: Application) -> None:
    run = desk.start_run(ADMIN, RunRequest("How much?"))
    desk.wait(ADMIN, run.id, timeout_s=30)
    last = desk.events(ADMIN, run.id)[-1].seq
    assert [event["seq"] for event in stream(http, run.id, "4")] == list(range(5, last + 1))
    nothing_more = http.get(f"/api/v1/runs/{run.id}/events", headers={"Last-Event-ID": str(last)})
    assert nothing_more.status_code == 204
    for wrong in ("x", "-1", "9" * 40):
        assert http.get(f"/api/v1/runs/{run.id}/events", headers={"Last-Event-ID": wrong}).status_code == 422


def test_a_stream_ends_when_the_service_stops(http: httpx.Client, desk: Application, service: Service) -> None:
    run = desk.start_run(ADMIN, RunRequest("How much?", params={"end": "block"}))
    reader = threading.Thread(target=stream, args=(http, run.id))
    reader.start()
    service.stopping.set()
    desk.changes.notify()
    reader.join(30)
    assert not reader.is_alive()


def test_a_torn_last_event_is_not_told() -> None:
    assert list(read_sse([": hello", "id: 1", "data: a", "data: b", "", "data: torn"])) == ["a\nb"]


# ---------------------------------------------------------------- the client


def test_the_client_is_a_desk(remote: HttpDesk, desk: Application, tmp_path: Path) -> None:
    run = remote.start_run(MEMBER, RunRequest("How much?", idempotency_key="k", tickers=("aapl",)))
    assert remote.start_run(MEMBER, RunRequest("How much?", idempotency_key="k", tickers=("aapl",))).id == run.id
    told = list(remote.follow(MEMBER, run.id))
    assert told == desk.events(MEMBER, run.id) == remote.events(MEMBER, run.id)
    assert remote.wait(MEMBER, run.id) == desk.run(MEMBER, run.id) == remote.run(MEMBER, run.id[:20])
    assert remote.runs(MEMBER, states=[RunState.DONE]) == desk.runs(MEMBER)
    assert remote.runs(MEMBER, states=[RunState.FAILED]) == []
    assert remote.steps(MEMBER, run.id) == desk.steps(MEMBER, run.id)
    assert remote.result(MEMBER, run.id) == desk.result(MEMBER, run.id)
    assert remote.artifacts(MEMBER, run.id) == desk.artifacts(MEMBER, run.id)
    assert remote.export_artifacts(MEMBER, run.id) == [tmp_path / "fetched" / run.id / "report.md"]
    assert remote.instrument(MEMBER, "apple inc.") == desk.instrument(MEMBER, "AAPL")


def test_the_client_ingests_with_progress_and_searches(remote: HttpDesk, desk: Application, tmp_path: Path) -> None:
    (tmp_path / "good.txt").write_text("Revenue rose by 8 %.")
    (tmp_path / "empty.txt").write_text("")
    told: list[tuple[str, int, int]] = []

    def tell(outcome: IngestOutcome, done: int, total: int) -> None:
        told.append((outcome.status, done, total))

    outcomes = remote.ingest(MEMBER, [tmp_path / "good.txt", tmp_path / "empty.txt"], progress=tell)
    assert [outcome.status for outcome in outcomes] == ["added", "refused"]
    assert told == [("added", 1, 2), ("refused", 2, 2)]
    assert remote.documents(VIEWER) == desk.documents(VIEWER)
    assert remote.search(VIEWER, "revenue", limit=3, document="good") == desk.search(VIEWER, "revenue")
    assert remote.reindex(MEMBER) == 1
    assert remote.check(MEMBER, "It was 42", documents=[tmp_path / "good.txt"])["documents"] == 1
    assert remote.remove_document(ADMIN, "good.txt").name == "good.txt"


def test_the_client_imports_and_reads_prices(remote: HttpDesk, desk: Application, tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    path.write_text("Date,AAPL,MSFT\n2020-01-02,10,20\n2020-01-03,11,21\n")
    options = ImportOptions(adjustment="none", vendor="test")
    assert remote.preview_bars(MEMBER, path, options).series == desk.preview_bars(MEMBER, path, options).series
    assert remote.import_bars(MEMBER, path, options).new == 4
    assert remote.series(VIEWER, "AAPL") == desk.series(VIEWER, "AAPL")
    key = SeriesKey("AAPL", "test", "none")
    assert remote.bars(VIEWER, key, start=date(2020, 1, 3)) == desk.bars(VIEWER, key, start=date(2020, 1, 3))


def test_the_clients_errors_are_the_desks(remote: HttpDesk, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="nope"):
        remote.run(MEMBER, "nope")
    with pytest.raises(NotFound):
        list(remote.follow(MEMBER, "nope"))
    with pytest.raises(UnknownInstrument):
        remote.start_run(MEMBER, RunRequest("How much?", tickers=("QQXZ",)))
    with pytest.raises(InvalidInput, match=r"missing\.pdf"):
        remote.ingest(MEMBER, [tmp_path / "missing.pdf"])
    with pytest.raises(PermissionDenied):
        remote.start_run(VIEWER, RunRequest("How much?"))
    remote.start_run(MEMBER, RunRequest("How much?", idempotency_key="k"))
    with pytest.raises(Conflict):
        remote.start_run(MEMBER, RunRequest("How many?", idempotency_key="k"))


def test_the_client_keeps_workspaces_apart_whatever_their_members_are_called(remote: HttpDesk) -> None:
    zoe = Principal("Zoë Ångström/x", "other-desk")
    run = remote.start_run(zoe, RunRequest("How much?"))
    assert run.principal == zoe.id
    assert remote.runs(MEMBER) == []


def test_a_service_that_is_gone_is_a_clear_error(tmp_path: Path) -> None:
    with (
        HttpDesk("http://127.0.0.1:9", TOKEN, reports=tmp_path) as client,
        pytest.raises(NotAvailable, match="tieout up"),
    ):
        client.runs(MEMBER)
    with HttpDesk("http://127.0.0.1:9", "wrong", reports=tmp_path) as client:
        assert client.url not in repr(client) or TOKEN not in repr(client)
