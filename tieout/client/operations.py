"""What operators ask of a service over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tieout.client.http import HttpTransport
from tieout.model import Principal


class HttpOperations(HttpTransport):
    """The state of a service behind a URL."""

    def doctor(self, principal: Principal) -> list[Mapping[str, Any]]:
        """Return the service's own findings about its parts."""
        checks: list[Mapping[str, Any]] = self._json("GET", "doctor", principal)
        return checks
