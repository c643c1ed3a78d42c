"""A file as read and cut: what a reading process hands back, as plain JSON so that nothing in it can run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipelines.ingest.chunks import RawChunk, cut_pages
from pipelines.ingest.pages import RawFile, RawPage
from pipelines.ingest.reader import read_bytes
from pipelines.ingest.recognise import Cover, read_cover
from tieout import codec


@dataclass(frozen=True)
class ParsedFile:
    """Pages, chunks and cover of one file."""

    file: RawFile
    chunks: tuple[RawChunk, ...]
    cover: Cover


def parse(name: str, data: bytes) -> ParsedFile:
    """Read a file's bytes, cut its pages and read its cover. Raises RefusedFile."""
    file = read_bytes(name, data)
    return ParsedFile(file, tuple(cut_pages(file.pages)), read_cover(file.pages))


def to_json(parsed: ParsedFile) -> dict[str, Any]:
    """Return it as JSON values; pages and chunks as short lists, because there are thousands."""
    file = parsed.file
    return {
        "media_type": file.media_type,
        "title": file.title,
        "notes": list(file.notes),
        "pages": [[page.number, page.text, page.label] for page in file.pages],
        "chunks": [[chunk.page, chunk.start, chunk.end, chunk.heading, chunk.kind] for chunk in parsed.chunks],
        "cover": codec.dump(parsed.cover, Cover),
    }


def from_json(data: dict[str, Any]) -> ParsedFile:
    """Return the file that `to_json` wrote."""
    pages = tuple(RawPage(*row) for row in data["pages"])
    file = RawFile(data["media_type"], pages, data["title"], tuple(data["notes"]))
    return ParsedFile(file, tuple(RawChunk(*row) for row in data["chunks"]), codec.load(Cover, data["cover"]))
