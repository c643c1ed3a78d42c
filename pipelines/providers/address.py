"""Checks the address of a service that a key will be sent to."""

from __future__ import annotations

from urllib.parse import urlsplit

from tieout.errors import InvalidInput


def checked_base_url(url: str, setting: str = "TIEOUT_MODEL_BASE_URL") -> str:
    """Return the address without a trailing slash.

    Raises InvalidInput unless it is http or https with a host, and when it carries credentials, a query or a
    fragment: a key belongs into its own setting, where it is kept out of messages and logs.
    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise InvalidInput(f"{setting} is not an address; give one like https://host/v1") from None
    if parts.username is not None or parts.password is not None:
        raise InvalidInput(f"{setting} holds credentials; put the key into TIEOUT_MODEL_API_KEY instead")
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise InvalidInput(f"{setting} must begin with http:// or https:// and name a host, like https://host/v1")
    if parts.query or parts.fragment:
        raise InvalidInput(f"{setting} must not have a query or a fragment; give one like https://host/v1")
    return url.strip().rstrip("/")
