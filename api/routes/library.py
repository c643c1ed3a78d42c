"""The library over HTTP: documents in and out, search, and the check of a text."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi import Path as PathParameter
from starlette.responses import Response, StreamingResponse

from api.answers import Json
from api.problems import error_problem
from api.routes.common import Caller, TheDesk, record
from api.schemas import CheckBody, IngestBody, SearchBody
from pipelines.render.pictures import page_picture
from tieout import codec
from tieout.errors import InvalidInput, NotFound, TieoutError
from tieout.model import Chunk, Document, Hit, Page, Principal
from tieout.ports import Desk, IngestOutcome

router = APIRouter()


@router.get("/documents")
def index(desk: TheDesk, caller: Caller) -> Response:
    """List all documents by name."""
    return record(desk.documents(caller), list[Document])


@router.post("/documents")
def ingest(body: IngestBody, desk: TheDesk, caller: Caller) -> Response:
    """Read files and folders of this machine; one JSON line per file as it is done, then all outcomes or an error."""
    paths = [_local(path) for path in body.paths]
    return StreamingResponse(_ingest_lines(desk, caller, paths), media_type="application/x-ndjson")


@router.post("/documents/share")
def share(reference: str, desk: TheDesk, caller: Caller) -> Response:
    """Open a document of the caller's audience to all of the workspace."""
    return record(desk.share_document(caller, reference))


@router.delete("/documents")
def remove(reference: str, desk: TheDesk, caller: Caller) -> Response:
    """Remove a document by id, name or title."""
    return record(desk.remove_document(caller, reference))


@router.get("/documents/{reference}/pages")
def pages(reference: str, desk: TheDesk, caller: Caller) -> Response:
    """Return the text of a document's pages; offsets of spans count its characters."""
    return record(desk.pages(caller, reference), list[Page])


@router.get("/documents/{reference}/pages/{number}/picture")
def picture(
    reference: str,
    number: Annotated[int, PathParameter(ge=1)],
    desk: TheDesk,
    caller: Caller,
    start: Annotated[int | None, Query(ge=0)] = None,
    end: Annotated[int | None, Query(ge=1)] = None,
) -> Response:
    """Draw a page of a PDF as PNG, the characters from `start` to `end` of its text marked."""
    page = next((one for one in desk.pages(caller, reference) if one.number == number), None)
    if page is None:
        raise NotFound(f"{reference} has no page {number}.")
    marked = (start, end) if start is not None and end is not None and start < end else None
    drawn = page_picture(desk.original(caller, reference), page, marked)
    if drawn is None:
        raise NotFound(f"Page {number} of {reference} cannot be drawn: only pages of a PDF can.")
    return Response(drawn, media_type="image/png", headers={"Cache-Control": "private, max-age=3600"})


@router.get("/documents/{reference}/file")
def file(reference: str, desk: TheDesk, caller: Caller) -> Response:
    """Return the document's file as a download, as it was read in."""
    headers = {"Content-Disposition": "attachment", "X-Content-Type-Options": "nosniff"}
    return Response(desk.original(caller, reference), media_type="application/octet-stream", headers=headers)


@router.get("/documents/{reference}/chunks")
def chunks(reference: str, desk: TheDesk, caller: Caller) -> Response:
    """Return the pieces that search quotes."""
    return record(desk.chunks(caller, reference), list[Chunk])


@router.post("/reindex")
def reindex(desk: TheDesk, caller: Caller) -> Response:
    """Rebuild all vectors."""
    return Json({"chunks": desk.reindex(caller)})


@router.post("/search")
def search(body: SearchBody, desk: TheDesk, caller: Caller) -> Response:
    """Return spans best first."""
    return record(desk.search(caller, body.query, limit=body.limit, document=body.document), list[Hit])


@router.post("/check")
def check(body: CheckBody, desk: TheDesk, caller: Caller) -> Response:
    """Tie out a text that somebody else wrote."""
    documents = [_local(path) for path in body.documents]
    return Json(dict(desk.check(caller, body.text, documents=documents, tickers=body.tickers)))


def _local(path: str) -> Path:
    """Return an absolute path: a relative one would mean another file here than at the caller's."""
    local = Path(path)
    if "\x00" in path or not local.is_absolute():
        raise InvalidInput(f"Give the absolute path of {path!r}.")
    return local


def _ingest_lines(desk: Desk, caller: Principal, paths: list[Path]) -> Iterator[str]:
    """Ingest in a thread of its own, so that progress is told as it happens; the caller's leaving stops nothing."""
    lines: queue.Queue[dict[str, Any] | None] = queue.Queue()

    def told(outcome: IngestOutcome, done: int, total: int) -> None:
        lines.put({"outcome": codec.dump(outcome), "done": done, "total": total})

    def work() -> None:
        try:
            outcomes = desk.ingest(caller, paths, progress=told)
            lines.put({"outcomes": codec.dump(outcomes, list[IngestOutcome])})
        except TieoutError as error:
            lines.put({"error": error_problem(error)})
        except BaseException:
            lines.put({"error": error_problem(TieoutError("The service failed while reading; its log says why."))})
            raise
        finally:
            lines.put(None)

    threading.Thread(target=work, name="ingest", daemon=True).start()
    while (line := lines.get()) is not None:
        yield json.dumps(line) + "\n"
