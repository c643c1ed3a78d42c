"""Who asks: identifiers, roles and principals."""

from __future__ import annotations

import secrets
import time
from base64 import b32hexencode
from dataclasses import dataclass
from enum import StrEnum

# From the alphabet of Base 32 with extended hex (RFC 4648) to Crockford's, which has no letters that look alike.
_CROCKFORD = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUV", b"abcdefghjkmnpqrstvwxyz")


def new_id(prefix: str) -> str:
    """Return an identifier that sorts by the time it was made: `run_01jd…` (26 characters after the prefix)."""
    number = (time.time_ns() // 1_000_000 << 80) | secrets.randbits(80)
    text = b32hexencode((number << 30).to_bytes(20)).translate(_CROCKFORD)[:26].decode()
    return f"{prefix}_{text}"


class Role(StrEnum):
    """What a member may do in a workspace; each includes the one before it."""

    VIEWER = "viewer"
    MEMBER = "member"
    ADMIN = "admin"


@dataclass(frozen=True)
class Principal:
    """Who is asking, and in which workspace. Each use case takes one first.

    `audience` is who reads what they are answered: all of the workspace, or the circle of that name. A person's direct
    messages have the person's own id, a channel's the channel's place.
    """

    id: str
    workspace: str
    role: Role = Role.MEMBER
    audience: str = ""
