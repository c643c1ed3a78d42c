"""Starts the service: one process that holds the data folder, runs the workers and answers HTTP."""

from __future__ import annotations

import secrets
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from datetime import UTC, datetime
from os import getpid
from typing import TYPE_CHECKING, Any

from tieout.errors import NotAvailable
from tieout.runtime import Runtime, acquire, check_folder, published

if TYPE_CHECKING:
    from tieout.model import Principal
    from tieout.ports import Desk
    from tieout.settings import Settings

_BACKLOG = 128


def serve(settings: Settings, principal: Principal, *, tell: Callable[[str], None]) -> None:
    """Run until SIGINT or SIGTERM, then finish or hand back running steps and release the folder.

    Unfinished runs go on at once. Raises FolderLocked when another process owns the folder, NotAvailable
    when the address cannot be had.
    """
    from api.server import run_until_signal
    from bots.doors import configured, open_doors
    from tieout.bootstrap import open_desk, with_credentials
    from tieout.model import WorkerKind
    from tieout.use_cases.access import LINK_MINUTES

    embedded = settings.profile == "embedded"
    check_folder(settings.folder)
    lock = acquire(settings.folder, timeout_s=2.0) if embedded else None
    with (
        open_desk(settings, work=True, lock=lock, kind=WorkerKind.SERVICE) as desk,
        _listening(settings) as (sock, url),
    ):
        token = settings.api_token.get_secret_value() if settings.api_token else secrets.token_urlsafe(32)
        runtime = Runtime(url, token, getpid(), datetime.now(UTC).isoformat(timespec="seconds"))
        stopping = threading.Event()
        app = _application(settings, desk, principal, token, stopping)
        settings = with_credentials(settings, desk.credential_store, strict=True)
        chats = configured(settings)
        with (
            published(settings.folder, runtime) if embedded else nullcontext(),
            open_doors(settings, desk, chats) if chats else nullcontext(lambda app: app) as with_chats,
        ):
            tell(f"tieout is up at {url} (data folder {settings.folder}). Ctrl-C stops it.")
            tell(f"Sign in within {LINK_MINUTES} minutes: {sign_in_url(settings.public_url or url, desk, principal)}")
            for platform in chats:
                tell(f"It answers in {platform.capitalize()}.")
            run_until_signal(with_chats(app), sock, stopping, desk.changes.notify)
        tell("Stopping; running steps are finished or handed back.")


def serve_chat(settings: Settings, platform: str, *, tell: Callable[[str], None]) -> None:
    """Answer in one chat platform until SIGINT or SIGTERM; the embedded profile also runs the workers.

    Raises FolderLocked, NotAvailable (a token is missing or refused).
    """
    from bots.doors import check_alone, open_doors
    from tieout.bootstrap import open_desk, with_credentials
    from tieout.model import WorkerKind

    embedded = settings.profile == "embedded"
    check_folder(settings.folder)
    lock = acquire(settings.folder, timeout_s=2.0) if embedded else None
    with ExitStack() as stack:
        desk = stack.enter_context(open_desk(settings, work=embedded, lock=lock, kind=WorkerKind.SERVICE))
        settings = with_credentials(settings, desk.credential_store, strict=True)
        check_alone(settings, platform)
        stack.enter_context(open_doors(settings, desk, [platform]))
        wait = stack.enter_context(_until_signal())
        tell(f"tieout answers in {platform.capitalize()} (data folder {settings.folder}). Ctrl-C stops it.")
        wait()
        tell("Stopping; running steps are finished or handed back.")


def serve_sandbox(
    settings: Settings, principal: Principal, *, tell: Callable[[str], None], sample: bool = True
) -> None:
    """Run a local Slack and Discord with a page to chat on, and the bot in both, until SIGINT or SIGTERM.

    Raises FolderLocked, NotAvailable.
    """
    from bots.doors import open_doors
    from bots.testing.sandbox.stands import opened_stands
    from tieout.bootstrap import open_desk
    from tieout.model import WorkerKind
    from tieout.sample import load_sample_pack

    check_folder(settings.folder)
    with opened_stands() as (url, given, platforms):
        settings = settings.model_copy(update={**given, "profile": "embedded"})
        with (
            open_desk(settings, work=True, kind=WorkerKind.SERVICE) as desk,
            open_doors(settings, desk, platforms),
            _until_signal() as wait,
        ):
            tell(f"The sandbox is at {url} (data folder {settings.folder}). Ctrl-C stops it.")
            if sample:
                load_sample_pack(desk, principal, tell=tell)
            wait()


def sign_in_url(url: str, desk: Desk, principal: Principal, member: str | None = None) -> str:
    """Return the address that signs a member in, once. Raises PermissionDenied, NotFound."""
    return f"{url}/sign-in?link={desk.sign_in_link(principal, member=member).get_secret_value()}"


@contextmanager
def _until_signal() -> Iterator[Callable[[], object]]:
    """Give a function that returns at SIGINT or SIGTERM."""
    stopping = threading.Event()
    kinds = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(kind, lambda *_: stopping.set()) for kind in kinds]
    try:
        yield stopping.wait
    finally:
        for kind, handler in zip(kinds, before, strict=True):
            signal.signal(kind, handler)


def _application(settings: Settings, desk: Any, principal: Principal, token: str, stopping: threading.Event) -> Any:
    from importlib.metadata import version

    from api.auth import LOOPBACK
    from api.service import create_app
    from bots.health import examine_chats
    from dashboards.site import add_pages
    from tieout.doctor import examine_desk

    return create_app(
        desk,
        token=token,
        principal=principal,
        changes=desk.changes,
        hosts=LOOPBACK | {settings.host.lower()},
        public_url=settings.public_url,
        stopping=stopping.is_set,
        doctor=lambda caller: [
            check.as_object() for check in examine_desk(settings, caller, desk, others=examine_chats)
        ],
        metrics=desk.metrics,
        version=version("tieout"),
        dashboards=lambda app: add_pages(app, desk, desk.changes),
    )


@contextmanager
def _listening(settings: Settings) -> Iterator[tuple[socket.socket, str]]:
    """Give a listening socket and its URL: requests queue from now on, before the server runs."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    sock = socket.socket(family)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((settings.host, settings.port))
        sock.listen(_BACKLOG)
    except OSError as error:
        sock.close()
        raise NotAvailable(
            f"Cannot listen on {settings.host}:{settings.port}: {error.strerror or error}. "
            "Choose another with --host and --port; port 0 takes a free one."
        ) from error
    try:
        port = sock.getsockname()[1]
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        yield sock, f"http://{host}:{port}"
    finally:
        sock.close()
