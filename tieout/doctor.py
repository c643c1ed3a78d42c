"""Finds out what is wrong: each check says what it looked at, how it stands and what to do."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tieout.errors import FolderLocked, TieoutError
from tieout.settings import Settings, without_credentials

if TYPE_CHECKING:
    from tieout.model import Principal
    from tieout.ports import CredentialStore, Desk

_LOW_DISK = 1_000_000_000  # bytes; a library of some hundred filings with its vectors
_TIMEOUT_S = 3.0


@dataclass(frozen=True)
class Check:
    """One finding: state is ok, warning or failed; `advice` says what to do about it."""

    name: str
    state: str
    detail: str
    advice: str = ""

    def as_object(self) -> dict[str, str]:
        """Return it as JSON values."""
        return {"name": self.name, "state": self.state, "detail": self.detail, "advice": self.advice}


type Others = Callable[[Settings], list[Check]]


def _nothing(_: Settings) -> list[Check]:
    return []


def examine(settings: Settings, principal: Principal, *, others: Others = _nothing) -> list[Check]:
    """Return findings about the installation: those of the running service when there is one.

    `others` examines what only doors know; it gets the settings with the credentials that are kept.
    """
    from tieout.connection import connect

    checks = [_python(), _folder(settings), _disk(settings)]
    try:
        with connect(settings) as desk:
            served = getattr(desk, "url", None)
            if served:
                checks.append(Check("service", "ok", f"answers at {served}"))
                checks += [Check(**found) for found in desk.doctor(principal)]  # type: ignore[attr-defined]
                return checks
            checks.append(Check("service", "ok", "not running", "`tieout up` starts it, if you want one."))
            return checks + examine_desk(settings, principal, desk, others=others)
    except FolderLocked as error:
        checks.append(Check("folder lock", "warning", error.message))
    except TieoutError as error:
        checks.append(Check("data folder", "failed", error.message))
    return checks + examine_network(settings) + others(settings)


def examine_desk(settings: Settings, principal: Principal, desk: Desk, *, others: Others = _nothing) -> list[Check]:
    """Return findings about an open desk and what it reaches."""
    from tieout.bootstrap import with_credentials

    settings = with_credentials(settings, getattr(desk, "credential_store", None))
    checks = [
        _guarded("database", lambda: _database(settings, principal, desk)),
        _guarded("records", lambda: _records(desk)),
        _guarded("library", lambda: _library(principal, desk)),
        _guarded("index", lambda: _index(principal, desk)),
        _guarded("prices", lambda: _prices(principal, desk)),
        _guarded("credentials", lambda: _credentials(principal, desk)),
    ]
    return checks + examine_network(settings) + others(settings)


def examine_network(settings: Settings) -> list[Check]:
    """Return findings about the servers that the settings name."""
    return [Check("profile", "ok", settings.profile), *_servers(settings), _model(settings)]


def _guarded(name: str, look: Callable[[], Check]) -> Check:
    try:
        return look()
    except TieoutError as error:
        return Check(name, "failed", error.message)


def _python() -> Check:
    import platform
    from importlib.metadata import version

    return Check("tieout", "ok", f"{version('tieout')} on Python {platform.python_version()}")


def _folder(settings: Settings) -> Check:
    folder = settings.folder
    if folder.exists() and not folder.is_dir():
        return Check("data folder", "failed", f"{folder} is a file", "Set TIEOUT_HOME or --home to a folder.")
    if not folder.exists():
        return Check("data folder", "ok", f"{folder} (made at first use)")
    if folder.stat().st_mode & 0o007:
        return Check("data folder", "warning", f"{folder} is open to everyone on this machine", f"chmod o-rwx {folder}")
    return Check("data folder", "ok", str(folder))


def _disk(settings: Settings) -> Check:
    place = settings.folder
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    text = f"{free / 1e9:.1f} GB free"
    if free < _LOW_DISK:
        return Check("disk", "warning", text, "Free some space, or move the data folder with TIEOUT_HOME.")
    return Check("disk", "ok", text)


def _database(settings: Settings, principal: Principal, desk: Desk) -> Check:
    from tieout.model import RunState

    open_states = [state for state in RunState if not state.final]
    unfinished = len(desk.runs(principal, limit=1000, states=open_states))
    kind = "SQLite" if settings.database_url is None or settings.profile == "embedded" else "PostgreSQL"
    advice = "`tieout up` or `tieout runs resume RUN` finishes them." if unfinished else ""
    return Check("database", "ok", f"{kind} answers; {unfinished} unfinished runs", advice)


def _records(desk: Desk) -> Check:
    backups = getattr(desk, "backups", None)  # another process's desk is examined there
    if backups is None:
        return Check("records", "ok", "kept in memory only")
    findings = backups.audit()
    if not findings:
        return Check("records", "ok", "they go together, and every file that they name is there")
    first = "; ".join(str(finding) for finding in findings[:3])
    advice = "Keep a copy of the data folder; a backup brings back what was whole (`tieout restore`)."
    return Check("records", "failed", f"{len(findings)} do not go together: {first}", advice)


def _library(principal: Principal, desk: Desk) -> Check:
    documents = desk.documents(principal)
    if not documents:
        return Check("library", "warning", "no documents", "`tieout ingest FILE...`, or `tieout demo` for samples.")
    pages = sum(document.page_count for document in documents)
    return Check("library", "ok", f"{len(documents)} documents, {pages} pages")


def _index(principal: Principal, desk: Desk) -> Check:
    documents = desk.documents(principal)
    if not documents:
        return Check("index", "ok", "empty")
    found = desk.search(principal, documents[0].title, limit=1, document=documents[0].id)
    if not found:
        return Check("index", "failed", "a document's own title finds nothing", "`tieout reindex` rebuilds the index.")
    parts = getattr(desk, "parts", None)  # another process's desk is examined there
    unsound = parts.library.unsound(principal) if parts is not None else []
    if unsound:
        text = f"{len(unsound)} documents have other vectors than their text calls for"
        return Check("index", "failed", text, "`tieout reindex` rebuilds the index.")
    return Check("index", "ok", "answers")


def _prices(principal: Principal, desk: Desk) -> Check:
    series = desk.series(principal)
    if not series:
        return Check("prices", "warning", "no price series", "`tieout market import FILE`, or `tieout demo`.")
    last = max(one.last for one in series)
    return Check("prices", "ok", f"{len(series)} series, up to {last}")


def _credentials(principal: Principal, desk: Desk) -> Check:
    # Another process's desk has no store here: it is examined there.
    store: CredentialStore | None = getattr(desk, "credential_store", None)
    if store is None:
        return Check("credentials", "ok", "are examined where the desk is")
    names = store.names(principal)
    for name in names:
        store.get(principal, name)  # opens it, or says which key is wanted
    return Check("credentials", "ok", f"kept and can be opened: {', '.join(names)}" if names else "none are kept")


def _servers(settings: Settings) -> Iterator[Check]:
    named: list[tuple[str, str, int]] = []
    if settings.database_url is not None:
        named.append(("PostgreSQL", settings.database_url.get_secret_value(), 5432))
    if settings.redis_url is not None:
        named.append(("Redis", settings.redis_url.get_secret_value(), 6379))
    if settings.qdrant_url is not None:
        named.append(("Qdrant", settings.qdrant_url, 6333))
    for name, url, port in named:
        check = _reachable(name, url, port)
        if settings.profile == "embedded":
            check = Check(name, "warning", f"{check.detail}, but unused", "Set TIEOUT_PROFILE=team to use it.")
        yield check


def _model(settings: Settings) -> Check:
    if settings.model is None or settings.model_base_url is None:
        return Check("model", "ok", "none: the extractive writer answers")
    from tieout.bootstrap import open_model

    try:
        model = open_model(settings)
        try:
            return Check("model", "ok", model.check())
        finally:
            model.close()
    except TieoutError as error:
        advice = "Start the endpoint, or correct TIEOUT_MODEL_BASE_URL, TIEOUT_MODEL_API_KEY or TIEOUT_MODEL."
        return Check("model", "failed", error.message, advice)


def _reachable(name: str, url: str, default_port: int) -> Check:
    parts = urlsplit(url)
    shown = without_credentials(url)
    try:
        address: Any = (parts.hostname or "localhost", parts.port or default_port)
        with socket.create_connection(address, timeout=_TIMEOUT_S):
            return Check(name, "ok", f"{shown} can be reached")
    except (OSError, ValueError) as error:
        return Check(name, "failed", f"{shown} cannot be reached ({error})", f"Start {name} or correct its URL.")
