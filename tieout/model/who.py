"""Who asks: identifiers, roles and principals."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from enum import StrEnum

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def new_id(prefix: str) -> str:
    """Return an identifier that sorts by the time it was made: `run_01jd…` (26 characters after the prefix)."""
    number = (time.time_ns() // 1_000_000 << 80) | secrets.randbits(80)
    text = "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -5, -5))
    return f"{prefix}_{text}"


class Role(StrEnum):
    """What a member may do in a workspace; each includes the one before it."""

    VIEWER = "viewer"
    MEMBER = "member"
    ADMIN = "admin"


@dataclass(frozen=True)
class Principal:
    """Who is asking, and in which workspace. Each use case takes one first."""

    id: str
    workspace: str
    role: Role = Role.MEMBER
