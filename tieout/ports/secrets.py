"""Where a workspace's credentials are kept: nobody reads them in the database or in a backup without the key."""

from __future__ import annotations

from typing import Protocol

from pydantic import SecretStr

from tieout.model import Principal


class CredentialStore(Protocol):
    """Credentials by name, encrypted. Who may put and remove them is for use cases to say; none is ever logged."""

    def put(self, principal: Principal, name: str, secret: SecretStr) -> None:
        """Keep a credential, in place of the one of that name. Raises InvalidInput for a bad name or value."""
        ...

    def get(self, principal: Principal, name: str) -> SecretStr | None:
        """Return a credential, None when there is none of that name. Raises NotAvailable when no key opens it."""
        ...

    def names(self, principal: Principal) -> list[str]:
        """Return the names of the workspace's credentials in their order."""
        ...

    def remove(self, principal: Principal, name: str) -> bool:
        """Remove a credential; return whether there was one."""
        ...

    def rotate(self) -> int:
        """Seal the credentials of all workspaces anew with the newest key; return how many there are.

        Raises NotAvailable, with nothing changed, when no key opens one of them.
        """
        ...
