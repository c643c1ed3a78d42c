"""Nobody gets in with nothing, with something ended or guessed, or through a browser that another site commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from api.routes.pages import _local
from api.service import create_app
from store.access import SqlAccessStore
from store.database import open_in_memory
from tests.support.desk import ADMIN, MEMBER, VIEWER, memory_desk
from tests.support.service import TOKEN, running
from tieout.application import Application
from tieout.model import Principal, Role, RunRequest

STRANGER = Principal("eve", "elsewhere", Role.ADMIN)
PEOPLE = {"viewer": VIEWER, "member": MEMBER, "admin": ADMIN, "foreign admin": STRANGER}


@dataclass
class Site:
    desk: Application
    url: str
    run_id: str
    tokens: dict[str, str]
    sessions: dict[str, str]

    def ask(self, method: str, path: str, **given: Any) -> httpx.Response:
        return httpx.request(method, self.url + path, timeout=30, **given)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    database = open_in_memory()
    with memory_desk(tmp_path_factory.mktemp("reports")) as desk:
        desk = replace(desk, access_store=SqlAccessStore(database))
        tokens, sessions = {}, {}
        desk.put_member(ADMIN, ADMIN.id, Role.ADMIN)
        for name, who in PEOPLE.items():
            desk.put_member(replace(who, role=Role.ADMIN), who.id, who.role)
            tokens[name] = desk.create_token(who, "test")[1].get_secret_value()
            sessions[name] = desk.sign_in(desk.sign_in_link(who))[1].get_secret_value()
        run = desk.start_run(MEMBER, RunRequest("What was it?"))
        desk.wait(MEMBER, run.id, timeout_s=30)
        with running(desk) as service:
            yield Site(desk, service.url, run.id, tokens, sessions)
    database.close()


def routes(site: Site) -> list[tuple[str, str]]:
    """Return every method and path that the service has, with this run's id where one belongs."""
    app = create_app(site.desk, token=TOKEN, principal=ADMIN, changes=site.desk.changes)
    inner: Any = app._app  # type: ignore[attr-defined]
    found = []
    for route in _all(inner.routes):
        for method in sorted(route.methods - {"HEAD", "OPTIONS"}):
            path = route.path.replace("{run_id}", site.run_id).replace("{name}", "report.md")
            found.append((method, re.sub(r"\{[^}]*\}", "x", path)))
    return found


def _all(routes: Any) -> Iterator[Any]:
    for route in routes:
        if hasattr(route, "methods"):
            yield route
        elif hasattr(route, "original_router"):
            prefix = getattr(getattr(route, "include_context", None), "prefix", "")
            for inner in _all(route.original_router.routes):
                yield _Prefixed(inner.methods, prefix + inner.path)


@dataclass
class _Prefixed:
    methods: set[str]
    path: str


OPEN = {"/health/live", "/health/ready", "/sign-in"}
SHOWN: dict[str, dict[str, str]] = {
    "nothing": {},
    "a wrong token": {"Authorization": "Bearer wrong"},
    "an empty token": {"Authorization": "Bearer"},
    "no bearer": {"Authorization": f"Basic {TOKEN}"},
    "a forged session": {"Cookie": "tieout_session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
    "an empty session": {"Cookie": "tieout_session="},
    "a broken cookie": {"Cookie": 'tieout_session="; =;,'},
}


def test_there_are_routes_to_look_at(site: Site) -> None:
    paths = {path for _, path in routes(site)}
    assert {"/api/v1/runs", "/api/v1/tokens", "/metrics", f"/runs/{site.run_id}/report"} <= paths
    assert len(paths) > 40


@pytest.mark.parametrize("shown", SHOWN)
def test_no_route_but_the_open_ones_answers_who_shows_nothing_valid(site: Site, shown: str) -> None:
    let_in = []
    for method, path in routes(site):
        answer = site.ask(method, path, headers=SHOWN[shown])
        if path not in OPEN and answer.status_code != 401:
            let_in.append((method, path, answer.status_code))
    assert let_in == []


@pytest.mark.parametrize("kind", ["token", "session"])
def test_what_has_ended_lets_nobody_in(site: Site, kind: str) -> None:
    token, secret = site.desk.create_token(MEMBER, "ends")
    session = site.desk.sign_in(site.desk.sign_in_link(MEMBER))[1]
    shown = {
        "token": {"Authorization": f"Bearer {secret.get_secret_value()}"},
        "session": {"Cookie": f"tieout_session={session.get_secret_value()}"},
    }[kind]
    assert site.ask("GET", "/api/v1/me", headers=shown).json()["principal"] == MEMBER.id
    site.desk.revoke_token(MEMBER, token.id)
    site.desk.sign_out(session)
    assert site.ask("GET", "/api/v1/me", headers=shown).status_code == 401


def test_another_workspace_sees_nothing_of_a_run_by_any_route(site: Site) -> None:
    leaks = []
    for method, path in routes(site):
        if site.run_id in path and "events" not in path:
            answer = site.ask(
                method, path, headers={"Authorization": f"Bearer {site.tokens['foreign admin']}"}, json={}
            )
            if answer.status_code < 400 or "What was it?" in answer.text:
                leaks.append((method, path, answer.status_code))
    assert leaks == []


@pytest.mark.parametrize("who", ["viewer", "member"])
def test_what_is_for_admins_is_refused_to_others(site: Site, who: str) -> None:
    headers = {"Authorization": f"Bearer {site.tokens[who]}"}
    asked: list[tuple[str, str, Any]] = [
        ("GET", "/api/v1/members", None),
        ("PUT", "/api/v1/members/zoe", {"role": "admin"}),
        ("GET", "/api/v1/credentials", None),
        ("PUT", "/api/v1/credentials/discord_token", {"value": "x"}),
        ("POST", "/api/v1/sign-in-links", {"member": ADMIN.id}),
        ("POST", "/api/v1/tokens", {"label": "x", "role": "admin"}),
        ("GET", "/metrics", None),
    ]
    for method, path, body in asked:
        assert site.ask(method, path, headers=headers, json=body).status_code == 403, path


def test_a_viewer_changes_nothing(site: Site) -> None:
    headers = {"Authorization": f"Bearer {site.tokens['viewer']}"}
    asked: list[tuple[str, Any]] = [
        ("/api/v1/runs", {"question": "x"}),
        (f"/api/v1/runs/{site.run_id}/cancel", None),
        (f"/api/v1/runs/{site.run_id}/resume", None),
    ]
    for path, body in asked:
        assert site.ask("POST", path, headers=headers, json=body).status_code == 403, path


@pytest.mark.parametrize("header", ["tieout-principal", "tieout-workspace", "tieout-role"])
def test_a_member_acts_for_nobody_else(site: Site, header: str) -> None:
    other = {"tieout-principal": ADMIN.id, "tieout-workspace": STRANGER.workspace, "tieout-role": "admin"}[header]
    for shown in (
        {"Authorization": f"Bearer {site.tokens['member']}"},
        {"Cookie": f"tieout_session={site.sessions['member']}"},
    ):
        answer = site.ask("GET", "/api/v1/me", headers={**shown, header: other})
        assert answer.status_code == 403
        assert "acts for nobody else" in answer.text


CROSS: list[dict[str, str]] = [
    {},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:1"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
]


@pytest.mark.parametrize("from_where", CROSS, ids=str)
def test_a_session_changes_nothing_from_another_sites_page(site: Site, from_where: dict[str, str]) -> None:
    headers = {"Cookie": f"tieout_session={site.sessions['member']}", **from_where}
    before = len(site.desk.runs(MEMBER))
    answer = site.ask("POST", "/api/v1/runs", headers=headers, json={"question": "x"})
    assert answer.status_code == 403 and "own pages" in answer.text
    assert site.ask("POST", "/sign-out", headers=headers).status_code == 403
    assert len(site.desk.runs(MEMBER)) == before


def test_a_session_changes_things_from_our_own_pages(site: Site) -> None:
    for own in ({"Origin": site.url}, {"Sec-Fetch-Site": "same-origin"}):
        headers = {"Cookie": f"tieout_session={site.sessions['member']}", **own}
        assert site.ask("POST", "/api/v1/runs", headers=headers, json={"question": "x"}).status_code == 201


def test_a_browser_signs_in_by_a_link_once_and_out_again(site: Site) -> None:
    link = site.desk.sign_in_link(MEMBER).get_secret_value()
    with httpx.Client(base_url=site.url, headers={"Accept": "text/html"}) as browser:
        sent = browser.get(f"/runs/{site.run_id}?x=1")
        assert (sent.status_code, sent.headers["location"]) == (
            303,
            f"/sign-in?next=%2Fruns%2F{site.run_id}%3Fx%3D1",
        )
        for _ in range(2):  # a chat's preview looks first
            page = browser.get("/sign-in", params={"link": link, "next": f"/runs/{site.run_id}"})
            assert f"Sign in as {MEMBER.id}" in page.text
            assert "set-cookie" not in page.headers
        form = {"link": link, "next": f"/runs/{site.run_id}"}
        done = browser.post("/sign-in", data=form, headers={"Origin": site.url})
        assert (done.status_code, done.headers["location"]) == (303, f"/runs/{site.run_id}")
        cookie = done.headers["set-cookie"]
        assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "Secure" not in cookie
        assert "What was it?" in browser.get(f"/runs/{site.run_id}").text
        again = browser.post("/sign-in", data=form, headers={"Origin": site.url})
        assert again.status_code == 403 and "was used" in again.text
        out = browser.post("/sign-out", headers={"Origin": site.url})
        assert out.status_code == 303
        assert browser.get(f"/runs/{site.run_id}").status_code == 303


def test_behind_https_the_cookie_is_for_https_only(site: Site) -> None:
    url = "https://tieout.example.com"
    app = create_app(site.desk, token=TOKEN, principal=ADMIN, changes=site.desk.changes, public_url=url)
    link = site.desk.sign_in_link(MEMBER).get_secret_value()
    transport = httpx.ASGITransport(app=app)

    async def signed_in() -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url=url) as browser:
            return await browser.post("/sign-in", data={"link": link}, headers={"Origin": url})

    import anyio

    assert "Secure" in anyio.run(signed_in).headers["set-cookie"]


def test_another_site_signs_nobody_in(site: Site) -> None:
    link = site.desk.sign_in_link(MEMBER)
    form = {"link": link.get_secret_value()}
    assert site.ask("POST", "/sign-in", data=form, headers={"Origin": "https://evil.example"}).status_code == 403
    assert site.desk.link_owner(SecretStr(form["link"])) == MEMBER


@given(
    st.text() | st.sampled_from(["//evil", "/\\evil", "https://evil", "/\t/evil", "/x\r\nset-cookie: a", "\\\\evil"])
)
def test_signing_in_leads_to_no_other_site(path: str) -> None:
    led = _local(path)
    assert re.match(r"/(?![/\\])", led)
    assert not re.search(r"[\x00-\x1f\x7f\\]", led)
    assert httpx.URL("http://own.example").join(led).host == "own.example"


@pytest.mark.parametrize("name", ["..%2f..%2ftieout.db", "%2e%2e/secret.key", "report.md%00", "/etc/passwd", "..\\x"])
def test_no_artifacts_name_leads_out_of_the_run(site: Site, name: str) -> None:
    for path in (f"/runs/{site.run_id}/artifacts/{name}", f"/api/v1/runs/{site.run_id}/artifacts/{name}"):
        answer = site.ask("GET", path, headers={"Authorization": f"Bearer {site.tokens['admin']}"})
        assert answer.status_code in (404, 422), path


def test_a_report_is_shown_in_a_sandbox(site: Site) -> None:
    headers = {"Authorization": f"Bearer {site.tokens['member']}"}
    answer = site.ask("GET", f"/runs/{site.run_id}/artifacts/report.md", headers=headers)
    policy = answer.headers["content-security-policy"]
    assert "sandbox" in policy and "allow-same-origin" not in policy and "default-src 'none'" in policy
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_session_id_is_guessed_by_nobody(site: Site) -> None:
    real = site.sessions["member"]
    for guess in (real[:-1], real + "A", real.swapcase(), real[::-1], f"{real}; x=1"[1:]):
        assert site.ask("GET", "/api/v1/me", headers={"Cookie": f"tieout_session={guess}"}).status_code == 401
    assert len(real) >= 43  # 256 bits
    assert len(set(site.sessions.values()) | set(site.tokens.values())) == 8
