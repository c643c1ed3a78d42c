"""Files of the stand: uploaded in three steps by the app, or posted by people."""

from __future__ import annotations

import mimetypes
from dataclasses import dataclass
from pathlib import PurePosixPath

from bots.testing.slack.identity import Json


@dataclass
class StoredFile:
    """A file and its bytes. `content` is None until the upload address has received them."""

    id: str
    name: str
    size: int  # bytes, as announced
    user: str
    url: str  # needs the bot's token
    upload_url: str = ""
    title: str = ""
    content: bytes | None = None
    shared: bool = False

    @property
    def media_type(self) -> str:
        """Return the type that the name suggests."""
        return mimetypes.guess_type(self.name)[0] or "application/octet-stream"

    def to_json(self) -> Json:
        """Return the file as messages show it."""
        return {
            "id": self.id,
            "name": self.name,
            "title": self.title or self.name,
            "mimetype": self.media_type,
            "filetype": PurePosixPath(self.name).suffix.lstrip(".") or "binary",
            "size": self.size,
            "user": self.user,
            "mode": "hosted",
            "is_external": False,
            "is_public": False,
            "file_access": "visible",
            "url_private": self.url,
            "url_private_download": self.url,
        }
