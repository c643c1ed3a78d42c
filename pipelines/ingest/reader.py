"""Reads a file of any known kind into pages, or refuses it with a reason."""

from __future__ import annotations

from pathlib import Path

from pipelines.ingest.html import read_html
from pipelines.ingest.pages import RawFile
from pipelines.ingest.pdf import read_pdf
from pipelines.ingest.plain import read_plain
from tieout.errors import RefusedFile

KINDS = {
    ".pdf": "application/pdf",
    ".html": "text/html",
    ".htm": "text/html",
    ".xhtml": "text/html",
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".txt": "text/plain",
    ".text": "text/plain",
}
LARGEST = 512 * 1024 * 1024


def read_bytes(name: str, data: bytes) -> RawFile:
    """Read a file's bytes by the ending of its name.

    Raises RefusedFile when the kind is unknown, or the file is empty, too large, broken, encrypted or textless.
    """
    media_type = KINDS.get(Path(name).suffix.lower())
    if media_type is None:
        raise RefusedFile(f"files of this kind are not read; known are {', '.join(sorted(KINDS))}")
    if not data:
        raise RefusedFile("the file is empty")
    if len(data) > LARGEST:
        raise RefusedFile(f"the file is larger than {LARGEST // 2**20} MB; split it first")
    if media_type == "application/pdf":
        return read_pdf(data)
    if media_type == "text/html":
        return read_html(data)
    return read_plain(data, media_type)
