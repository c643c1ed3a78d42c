"""Reads text and Markdown files as one page, exactly as written but for line ends and control characters."""

from __future__ import annotations

from pipelines.ingest.clean import clean
from pipelines.ingest.pages import RawFile, RawPage
from tieout.errors import RefusedFile


def read_plain(data: bytes, media_type: str) -> RawFile:
    """Read a text file. Raises RefusedFile when it is empty or is not text."""
    if b"\0" in data[:8192] and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise RefusedFile("the file holds binary data, not text; give it the ending of its kind")
    text = clean(_decode(data))
    if not text.strip():
        raise RefusedFile("the file has no text")
    title = next((line.lstrip("# ").strip() for line in text.split("\n") if line.startswith("# ")), None)
    return RawFile(media_type, (RawPage(1, text),), title if media_type == "text/markdown" else None)


def _decode(data: bytes) -> str:
    encodings = ("utf-16",) if data.startswith((b"\xff\xfe", b"\xfe\xff")) else ("utf-8-sig", "cp1252")
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")
