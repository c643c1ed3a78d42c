"""The use cases of credentials: keeping tokens and keys sealed, so that no environment or file has to hold them."""

from __future__ import annotations

from collections.abc import Mapping

import structlog
from pydantic import SecretStr

from tieout.errors import InvalidInput, NotAvailable, NotFound
from tieout.model import Principal, Role
from tieout.ports import CREDENTIALS, CredentialStore
from tieout.use_cases.common import UseCases, require, valid_text

_BEGINNINGS: Mapping[str, tuple[str, ...]] = {
    "slack_bot_token": ("xoxb-", "xoxe.xoxb-"),
    "slack_app_token": ("xapp-",),
}
_log = structlog.get_logger(__name__)


class CredentialUseCases(UseCases):
    """For admins. Nobody reads a credential through a use case; who changed one is logged, the value never is."""

    def put_credential(self, principal: Principal, name: str, secret: SecretStr) -> None:
        """Keep a credential under the name of its setting, in place of the one that was there.

        Raises PermissionDenied, InvalidInput (the name or the value, which is not told), NotAvailable.
        """
        require(principal, Role.ADMIN, "keep credentials")
        check_name(name)
        _check_value(name, secret)
        self._credentials().put(principal, name, secret)
        _log.info("credential_put", name=name, workspace=principal.workspace, by=principal.id)

    def credentials(self, principal: Principal) -> Mapping[str, str]:
        """Return who put each credential that is kept, by name. Raises PermissionDenied, NotAvailable."""
        require(principal, Role.ADMIN, "see which credentials are kept")
        return self._credentials().authors(principal)

    def remove_credential(self, principal: Principal, name: str) -> None:
        """Remove a credential. Raises PermissionDenied, InvalidInput (the name), NotFound, NotAvailable."""
        require(principal, Role.ADMIN, "remove credentials")
        check_name(name)
        if not self._credentials().remove(principal, name):
            kept = ", ".join(self._credentials().names(principal)) or "none"
            raise NotFound(f"No credential {name!r} is kept; there are: {kept}.")
        _log.info("credential_removed", name=name, workspace=principal.workspace, by=principal.id)

    def rotate_credentials(self, principal: Principal) -> int:
        """Seal the credentials of all workspaces anew with the newest key; return how many there are.

        Raises PermissionDenied, and NotAvailable, with nothing changed, when no key opens one of them.
        """
        require(principal, Role.ADMIN, "rotate the key of credentials")
        count = self._credentials().rotate()
        _log.info("credentials_rotated", count=count, by=principal.id)
        return count

    def _credentials(self) -> CredentialStore:
        if self.credential_store is None:
            raise NotAvailable("This desk keeps no credentials.")
        return self.credential_store


def check_name(name: str) -> None:
    """Raise InvalidInput for what is no credential's name, without telling it: it may be a value in the wrong place."""
    if name not in CREDENTIALS:
        raise InvalidInput(f"There is no credential of that name; what can be kept are {', '.join(CREDENTIALS)}.")


def _check_value(name: str, secret: SecretStr) -> None:
    """Refuse what cannot be such a credential, without telling it: most are mixed up, or cut off, in pasting."""
    value = valid_text(secret.get_secret_value(), f"The value of {name}")
    if not value:
        raise InvalidInput(f"The value of {name} is empty: {CREDENTIALS[name]}.")
    if any(character.isspace() or not character.isprintable() for character in value):
        raise InvalidInput(f"The value of {name} holds white space or a control character; give it as it was shown.")
    if not value.startswith(_BEGINNINGS.get(name, ("",))):
        raise InvalidInput(f"The value does not begin as a {name} does: {CREDENTIALS[name]}.")
