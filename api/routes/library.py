"""The library over HTTP: documents in and out, search, and the check of a text."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response, StreamingResponse

from api.answers import Json
from api.problems import error_problem
from api.routes.common import Caller, TheDesk, record
from api.schemas import CheckBody, IngestBody, SearchBody
from tieout import codec
from tieout.errors import InvalidInput, TieoutError
from tieout.model import Document, Hit, Principal
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
