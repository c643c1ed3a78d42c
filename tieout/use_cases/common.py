"""What all use cases share: the parts they act on, who may call them, and which input is good."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tieout.errors import InvalidInput, PermissionDenied
from tieout.model import Principal, Role
from tieout.ports import (
    AccessStore,
    Agents,
    Changes,
    Checker,
    CredentialStore,
    Engine,
    Measurer,
    Parts,
    ResultRenderer,
    RunStore,
    ScheduleStore,
    WorkerStore,
)
from tieout.ports.backup import Backups, Retention

MAX_QUESTION = 4_000  # characters; longer texts belong in a document
RANK = {Role.VIEWER: 0, Role.MEMBER: 1, Role.ADMIN: 2}


def _nobody() -> None:
    """Wake no scheduler: none runs in this process."""


def _no_metrics() -> bytes:
    """Return no metrics: nothing is measured in this process."""
    return b""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class UseCases:
    """The parts that use cases act on, as ports; tieout/bootstrap.py joins them.

    The class of a noun inherits from this one and adds methods only: every field stands here.
    """

    store: RunStore
    engine: Engine
    agents: Agents
    parts: Parts
    checker: Checker
    render_result: ResultRenderer
    changes: Changes
    reports: Path
    clock: Callable[[], datetime] = _now
    worker_store: WorkerStore | None = None
    schedule_store: ScheduleStore | None = None
    wake_scheduler: Callable[[], None] = _nobody
    backups: Backups | None = None
    retention: Retention | None = None
    credential_store: CredentialStore | None = None
    access_store: AccessStore | None = None
    measurer: Measurer | None = None
    metrics: Callable[[], bytes] = _no_metrics
    public_url: str = ""  # where browsers reach the service, without a slash at the end; empty: they do not


def require(principal: Principal, role: Role, doing: str) -> None:
    """Raise PermissionDenied unless the principal has at least the role; `doing` ends "one must be … to …"."""
    if RANK[principal.role] < RANK[role]:
        raise PermissionDenied(
            f"{principal.id} is a {principal.role} of workspace {principal.workspace}; one must be {role} to {doing}."
        )


def question_text(text: str, what: str) -> str:
    """Return a question without the space around it. Raises InvalidInput, naming it as `what`."""
    text = text.strip()
    if not text:
        raise InvalidInput(f"{what} is empty; say what you want to know.")
    if len(text) > MAX_QUESTION:
        raise InvalidInput(f"{what} has {len(text)} characters; at most {MAX_QUESTION} are allowed.")
    return valid_text(text, what)


def valid_text(text: str, what: str) -> str:
    """Return text that every part can keep. Raises InvalidInput.

    A terminal's undecodable bytes arrive as lone surrogates.
    """
    if "\x00" in text:
        raise InvalidInput(f"{what} holds a null character; remove it.")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidInput(f"{what} holds bytes that are not UTF-8 text; type them again.")
    return text


def readable(paths: Sequence[Path]) -> list[Path]:
    """Return the paths of files and folders, absolute. Raises InvalidInput when one is missing or neither."""
    found = []
    for path in paths:
        path = Path(path).expanduser().absolute()
        if not path.exists():
            raise InvalidInput(f"There is no file or folder {path}.", path=str(path))
        if not (path.is_file() or path.is_dir()):
            raise InvalidInput(f"{path} is not a regular file or folder.", path=str(path))
        found.append(path)
    return found
