"""Downloads what people post, from the platform's own addresses only and no more than was said."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

import httpx

from tieout.errors import InvalidInput, ProviderRefused, ProviderUnavailable


def fetched(url: str, *, hosts: Collection[str], headers: Mapping[str, str], most: int) -> bytes:
    """Return the bytes behind an address of one of the hosts (`name`, or `name:port`); redirects are not followed.

    Raises InvalidInput (another host, or larger than `most` bytes), ProviderUnavailable, ProviderRefused.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or parts.netloc not in hosts or parts.username:
        raise InvalidInput("The file is not on the platform that it was posted on; post it there.")
    data = bytearray()
    try:
        with httpx.stream("GET", url, headers=dict(headers), timeout=60.0) as answer:
            if answer.status_code >= 500 or answer.status_code == 429:
                raise ProviderUnavailable(f"The file cannot be had just now (HTTP {answer.status_code}).")
            if answer.status_code != 200 or "text/html" in answer.headers.get("content-type", ""):
                raise ProviderRefused(
                    f"tieout may not read the file (HTTP {answer.status_code}): is its scope granted?"
                )
            for part in answer.iter_bytes():
                data += part
                if len(data) > most:
                    raise InvalidInput(f"The file is larger than {most:,} bytes.")
    except httpx.HTTPError as error:
        raise ProviderUnavailable(f"The file cannot be had just now: {type(error).__name__}.") from error
    return bytes(data)
