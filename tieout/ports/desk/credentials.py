"""The use cases of credentials as the doors see them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from pydantic import SecretStr

from tieout.model import Principal


class CredentialDesk(Protocol):
    """Keeps tokens and keys sealed: for admins. None comes back."""

    def put_credential(self, principal: Principal, name: str, secret: SecretStr) -> None:
        """Keep a credential under the name of its setting. Raises InvalidInput, which never tells the value."""
        ...

    def credentials(self, principal: Principal) -> Mapping[str, str]:
        """Return who put each credential that is kept, by name."""
        ...

    def remove_credential(self, principal: Principal, name: str) -> None:
        """Remove a credential. Raises NotFound."""
        ...

    def rotate_credentials(self, principal: Principal) -> int:
        """Seal the credentials of all workspaces anew with the newest key; return how many there are."""
        ...
