"""Who may come in, and by what: members, and the grants that they show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tieout.model.who import Role


@dataclass(frozen=True)
class Member:
    """A person or service that belongs to a workspace. Who is not `active` gets in by nothing."""

    workspace: str
    name: str
    role: Role
    active: bool
    added_by: str
    added_at: datetime  # UTC


class GrantKind(StrEnum):
    """How a grant is shown."""

    TOKEN = "token"  # noqa: S105 - a kind; by programs: `Authorization: Bearer …`, until it expires or is revoked
    LINK = "link"  # opened in a browser, once and soon: it becomes a session
    SESSION = "session"  # a browser's cookie


@dataclass(frozen=True)
class Grant:
    """A secret that lets a member in; the secret itself is nowhere, its hash is with the store.

    `role` is the most that it may do: the member's own role counts when that is less.
    """

    id: str
    kind: GrantKind
    workspace: str
    member: str
    role: Role
    label: str
    created_at: datetime  # UTC
    expires_at: datetime  # UTC
    used_at: datetime | None = None  # last, to the minute; of a link: when it became a session
    revoked_at: datetime | None = None
