"""Pages for browsers: signing in and out, and what a run made, under addresses that stay.

A report is shown in a sandbox of its own origin: nothing in it can reach the session of whoever reads it.
"""

from __future__ import annotations

from html import escape
from urllib.parse import parse_qsl, quote

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request
from pydantic import SecretStr
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.auth import COOKIE, SIGN_IN, session_of
from api.routes.common import Caller, TheDesk
from tieout.application import Application, find_artifact
from tieout.errors import PermissionDenied
from tieout.model import Principal
from tieout.use_cases.access import SESSION_DAYS

router = APIRouter(include_in_schema=False)

_OWN = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
_SANDBOX = (
    "sandbox allow-scripts allow-downloads allow-popups; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data:; font-src data:; frame-ancestors 'self'"
)
# Without a referrer a browser would not say either which page a form was sent from.
_HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cache-Control": "no-store"}
_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
main { max-width: 38rem; margin: 12vh auto; padding: 0 1.25rem }
h1 { font-size: 1.5rem } code { background: color-mix(in srgb, currentColor 12%, transparent); padding: .1em .35em }
button { font: inherit; padding: .55rem 1.1rem; border: 0; border-radius: .4rem; background: #0b57d0; color: #fff }
button:focus-visible, a:focus-visible { outline: 3px solid #f9ab00; outline-offset: 2px }
"""


@router.get(SIGN_IN)
def sign_in_page(request: Request, link: str = "", next: str = "/") -> Response:
    """Show whom a link signs in, and a button that does: what looks ahead at links (a chat's preview) uses none up."""
    desk: Application = request.app.state.desk
    owner = desk.link_owner(SecretStr(link)) if link else None
    if owner is not None:
        fields = f'<input type="hidden" name="link" value="{escape(link)}">'
        fields += f'<input type="hidden" name="next" value="{escape(_local(next))}">'
        button = f"<button autofocus>Sign in as {escape(owner.id)}</button>"
        form = f'<form method="post" action="{SIGN_IN}">{fields}{button}</form>'
        return _page("Sign in to tieout", f"<p>Workspace <b>{escape(owner.workspace)}</b>.</p>{form}")
    said = "<p>This link was used, has expired or was never made.</p>" if link else ""
    how = "<p>Run <code>tieout sign-in</code> where tieout runs, or ask an admin for a link, and open it.</p>"
    return _page("Sign in to tieout", said + how, status=403 if link else 200)


@router.post(SIGN_IN)
async def sign_in(request: Request) -> Response:
    """Make a session of a link, once; say so when it is spent."""
    desk: Application = request.app.state.desk
    form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
    try:
        _, session = await run_sync(desk.sign_in, SecretStr(form.get("link", "")))
    except PermissionDenied as error:
        return _page("Sign in to tieout", f"<p>{escape(error.message)}</p>", status=403)
    answer = RedirectResponse(_local(form.get("next", "/")), 303, _HEADERS)
    answer.set_cookie(
        COOKIE,
        session.get_secret_value(),
        max_age=SESSION_DAYS * 86_400,
        httponly=True,
        samesite="lax",
        secure=request.app.state.secure,
    )
    return answer


@router.post("/sign-out")
def sign_out(request: Request) -> Response:
    """End the session."""
    desk: Application = request.app.state.desk
    session = session_of(request.headers)
    if session is not None:
        desk.sign_out(session)
    answer = RedirectResponse(SIGN_IN, 303, _HEADERS)
    answer.delete_cookie(COOKIE)
    return answer


@router.get("/runs/{run_id}")
def run_page(request: Request, run_id: str, desk: TheDesk, caller: Caller) -> Response:
    """Lead to the page of a run, its report where there is one: this is the permalink, the same everywhere.

    A service without dashboards shows how the run stands, and links to what it made.
    """
    run = desk.run(caller, run_id)
    if request.app.state.dashboards:
        written = any(one.name == "ledger.json" for one in desk.artifacts(caller, run.id))
        return RedirectResponse(f"/report?run={quote(run.id)}" if written else f"/run?id={quote(run.id)}", 302)
    links = [
        f'<li><a href="/runs/{escape(run.id)}/artifacts/{escape(one.name)}">{escape(one.name)}</a></li>'
        for one in desk.artifacts(caller, run.id)
    ]
    report = f'<p><a href="/runs/{escape(run.id)}/report">Open the report</a></p>' if links else ""
    made = f"{report}<ul>{''.join(links)}</ul>" if links else "<p>It has made nothing yet.</p>"
    said = f"<p>Run <code>{escape(run.id)}</code> is <b>{run.state.value}</b>.</p>"
    return _page(run.request.question, said + made + _signed_in(caller))


@router.get("/runs/{run_id}/report")
def report(run_id: str, desk: TheDesk, caller: Caller) -> Response:
    """Show the report. Raises NotFound."""
    return _artifact(desk, caller, run_id, "report.html", shown=True)


@router.get("/runs/{run_id}/artifacts/{name}")
def artifact(run_id: str, name: str, desk: TheDesk, caller: Caller) -> Response:
    """Give a file that a run made. Raises NotFound."""
    return _artifact(desk, caller, run_id, name, shown=False)


def _artifact(desk: TheDesk, caller: Principal, run_id: str, name: str, *, shown: bool) -> Response:
    found = find_artifact(desk.artifacts(caller, run_id), name)
    data = desk.artifact_bytes(caller, run_id, found.name)
    how = {} if shown else {"Content-Disposition": f'attachment; filename="{_ascii(found.name)}"'}
    media_type = "text/html" if shown else found.media_type
    return Response(data, media_type=media_type, headers={**_HEADERS, "Content-Security-Policy": _SANDBOX, **how})


def _ascii(name: str) -> str:
    return "".join(one if one.isascii() and (one.isalnum() or one in "._-") else "_" for one in name)


def _local(path: str) -> str:
    """Return a path of this service, and the first page for anything that may lead to another."""
    fine = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() and "\\" not in path
    return path if fine else "/"


def _signed_in(caller: Principal) -> str:
    return (
        f'<form method="post" action="/sign-out"><p>Signed in as {escape(caller.id)} ({caller.role.value} of '
        f"{escape(caller.workspace)}).</p><button>Sign out</button></form>"
    )


def _page(title: str, body: str, *, status: int = 200) -> Response:
    text = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style><main><h1>{escape(title)}</h1>{body}</main></html>"
    )
    return HTMLResponse(text, status, {**_HEADERS, "Content-Security-Policy": _OWN})
