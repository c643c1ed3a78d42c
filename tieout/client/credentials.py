"""The use cases of credentials over HTTP: they are put and never read."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import SecretStr

from tieout.client.http import HttpTransport, segment
from tieout.model import Principal


class HttpCredentials(HttpTransport):
    """A `CredentialDesk` behind a service's URL."""

    def put_credential(self, principal: Principal, name: str, secret: SecretStr) -> None:
        """Keep a credential."""
        body = {"value": secret.get_secret_value()}
        self._send("PUT", f"credentials/{segment(name)}", principal, json=body)

    def credentials(self, principal: Principal) -> Mapping[str, str]:
        """Return who put each credential that is kept."""
        kept: Mapping[str, str] = self._json("GET", "credentials", principal)
        return kept

    def remove_credential(self, principal: Principal, name: str) -> None:
        """Remove a credential."""
        self._send("DELETE", f"credentials/{segment(name)}", principal)

    def rotate_credentials(self, principal: Principal) -> int:
        """Seal all credentials anew."""
        return int(self._json("POST", "credentials/rotate", principal)["count"])
