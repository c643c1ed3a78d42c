"""Where members and their grants are kept."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from tieout.model import Grant, GrantKind, Member, Principal


class AccessStore(Protocol):
    """Members by name, and grants by the SHA-256 of their secret. What one may do with them is for use cases to say."""

    def put_member(self, member: Member) -> None:
        """Keep a member, in place of the one of that name; when and by whom they were added stays."""
        ...

    def member(self, workspace: str, name: str) -> Member | None:
        """Return a member, None when there is none of that name."""
        ...

    def members(self, principal: Principal) -> list[Member]:
        """Return the workspace's members by name."""
        ...

    def add_grant(self, grant: Grant, digest: str) -> None:
        """Keep a new grant under the hexadecimal hash of its secret."""
        ...

    def grant(self, digest: str) -> Grant | None:
        """Return the grant of this hash, whatever its state; None when there is none."""
        ...

    def grants(self, principal: Principal, kind: GrantKind, *, member: str | None = None) -> list[Grant]:
        """Return the workspace's grants of a kind, or those of one member, the newest first."""
        ...

    def spend(self, grant_id: str, *, now: datetime) -> bool:
        """Note the first use; False when it was used before. Of many at once one gets True."""
        ...

    def note_use(self, grant_id: str, *, now: datetime) -> None:
        """Note that it was used now."""
        ...

    def revoke(self, principal: Principal, grant_id: str, *, now: datetime) -> bool:
        """End a grant; False when there is none, or it has been ended before."""
        ...

    def revoke_all(self, principal: Principal, member: str, *, now: datetime) -> int:
        """End all grants of a member; return how many."""
        ...

    def forget(self, *, before: datetime) -> int:
        """Drop grants that expired before then; return how many."""
        ...
