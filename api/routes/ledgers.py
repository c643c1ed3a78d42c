"""Ledgers over HTTP: what a report's numbers rest on, down to the rows, and corrections."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from api.answers import Json, arrow
from api.routes.common import Caller, TheDesk, record
from api.schemas import CorrectionBody
from tieout.errors import NotFound
from tieout.model import Correction

router = APIRouter(prefix="/runs/{run_id}")


@router.get("/ledger")
def ledger(run_id: str, desk: TheDesk, caller: Caller) -> Response:
    """Return the whole ledger of a run's report."""
    return Json(dict(desk.ledger(caller, run_id)))


@router.get("/facts/{fact_id}")
def fact(run_id: str, fact_id: str, desk: TheDesk, caller: Caller) -> Response:
    """Return one computed number with its SQL, parameters and snapshot."""
    return record(desk.fact(caller, run_id, fact_id))


@router.get("/facts/{fact_id}/rows")
def tables(run_id: str, fact_id: str, desk: TheDesk, caller: Caller) -> Response:
    """Tell how many rows of which tables a fact was computed from."""
    return Json({name: rows.num_rows for name, rows in desk.fact_rows(caller, run_id, fact_id).items()})


@router.get("/facts/{fact_id}/rows/{table}")
def rows(run_id: str, fact_id: str, table: str, desk: TheDesk, caller: Caller) -> Response:
    """Return those rows as an Arrow stream."""
    found = desk.fact_rows(caller, run_id, fact_id)
    if table not in found:
        raise NotFound(f"The fact {fact_id} read no table {table!r}; it read: {', '.join(found)}.")
    return arrow(found[table])


@router.get("/corrections")
def corrections(run_id: str, desk: TheDesk, caller: Caller) -> Response:
    """List what people found about the report's numbers, oldest first."""
    return record(desk.corrections(caller, run_id), list[Correction])


@router.post("/corrections")
def correct(run_id: str, body: CorrectionBody, desk: TheDesk, caller: Caller) -> Response:
    """Keep what a person found about a number, with the reason."""
    given = Correction(body.number, body.status, body.reason, body.source)
    return record(desk.correct(caller, run_id, given), status=201)
