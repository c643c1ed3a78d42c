"""The use cases of members, tokens and sign-in links over HTTP."""

from __future__ import annotations

from pydantic import SecretStr

from tieout import codec
from tieout.client.http import HttpTransport, segment
from tieout.model import Grant, Member, Principal, Role


class HttpAccess(HttpTransport):
    """An `AccessDesk` behind a service's URL."""

    def members(self, principal: Principal) -> list[Member]:
        """Return the workspace's members."""
        return codec.load(list[Member], self._json("GET", "members", principal))

    def put_member(self, principal: Principal, name: str, role: Role, *, active: bool = True) -> Member:
        """Add or change a member."""
        body = {"role": role.value, "active": active}
        return codec.load(Member, self._json("PUT", f"members/{segment(name)}", principal, json=body))

    def create_token(
        self, principal: Principal, label: str, *, role: Role | None = None, days: int = 90
    ) -> tuple[Grant, SecretStr]:
        """Return a new token and its secret."""
        body = {"label": label, "role": role.value if role else None, "days": days}
        made = self._json("POST", "tokens", principal, json=body)
        return codec.load(Grant, made["token"]), SecretStr(made["secret"])

    def tokens(self, principal: Principal) -> list[Grant]:
        """Return tokens."""
        return codec.load(list[Grant], self._json("GET", "tokens", principal))

    def revoke_token(self, principal: Principal, token_id: str) -> None:
        """End a token."""
        self._send("DELETE", f"tokens/{segment(token_id)}", principal)

    def sign_in_link(self, principal: Principal, *, member: str | None = None) -> SecretStr:
        """Return the secret of a sign-in link."""
        return SecretStr(self._json("POST", "sign-in-links", principal, json={"member": member})["secret"])
