"""Where a workspace's credentials are kept: nobody reads them in the database or in a backup without the key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from pydantic import SecretStr

from tieout.model import Principal

# What can be kept: names of settings. One that the environment gives comes before one that is kept.
CREDENTIALS: Mapping[str, str] = {
    "slack_bot_token": "xoxb-…, with which tieout speaks in Slack",
    "slack_app_token": "xapp-…, for Slack's Socket Mode",
    "slack_signing_secret": "for Slack's events over HTTP instead",
    "discord_token": "the token of Discord's bot",
    "model_api_key": "the key of the model's endpoint",
    "embedding_api_key": "the key of the embeddings' endpoint",
    "qdrant_api_key": "the key of the Qdrant server",
}


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

    def authors(self, principal: Principal) -> Mapping[str, str]:
        """Return who put each of the workspace's credentials last, by the names in their order."""
        ...

    def remove(self, principal: Principal, name: str) -> bool:
        """Remove a credential; return whether there was one."""
        ...

    def rotate(self) -> int:
        """Seal the credentials of all workspaces anew with the newest key; return how many there are.

        Raises NotAvailable, with nothing changed, when no key opens one of them.
        """
        ...
