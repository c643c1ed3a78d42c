"""The use cases of members, tokens and sign-in links as the doors see them."""

from __future__ import annotations

from typing import Protocol

from pydantic import SecretStr

from tieout.model import Grant, Member, Principal, Role


class AccessDesk(Protocol):
    """Says who belongs to a workspace, and gives members what lets them in. A secret is shown once."""

    def members(self, principal: Principal) -> list[Member]:
        """Return the workspace's members: for admins."""
        ...

    def put_member(self, principal: Principal, name: str, role: Role, *, active: bool = True) -> Member:
        """Add a member, or change their role, or keep them out: for admins. Raises Conflict for the last admin."""
        ...

    def create_token(
        self, principal: Principal, label: str, *, role: Role | None = None, days: int = 90
    ) -> tuple[Grant, SecretStr]:
        """Return a new token of the principal's own, and its secret. Raises InvalidInput, PermissionDenied."""
        ...

    def tokens(self, principal: Principal) -> list[Grant]:
        """Return the principal's tokens; for an admin those of all members."""
        ...

    def revoke_token(self, principal: Principal, token_id: str) -> None:
        """End a token at once. Raises NotFound."""
        ...

    def sign_in_link(self, principal: Principal, *, member: str | None = None) -> SecretStr:
        """Return the secret of a link that signs a member in once. Raises PermissionDenied, NotFound."""
        ...
