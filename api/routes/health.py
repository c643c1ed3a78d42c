"""Whether the service lives and can work: for probes, and in detail for people."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.answers import Json
from api.problems import problem_response
from api.routes.common import Caller, TheDesk
from tieout.errors import TieoutError
from tieout.model import Role
from tieout.use_cases.common import require

probes = APIRouter(prefix="/health")
router = APIRouter()
measured = APIRouter()


@probes.get("/live")
async def live() -> Response:
    """Say that the process answers."""
    return Json({"status": "live"})


@probes.get("/ready")
def ready(request: Request, desk: TheDesk) -> Response:
    """Say whether the state of record answers and the service is not stopping."""
    if request.app.state.stopping():
        return problem_response(503, "NotAvailable", "The service is stopping.")
    try:
        desk.runs(request.app.state.principal, limit=1)
    except TieoutError as error:
        return problem_response(503, "NotAvailable", error.message)
    return Json({"status": "ready"})


@measured.get("/metrics")
def metrics(request: Request, caller: Caller) -> Response:
    """Return what Prometheus scrapes, with the service's token, or an admin's, as its bearer token."""
    require(caller, Role.ADMIN, "see the metrics of all workspaces")
    return Response(request.app.state.metrics(), media_type="text/plain; version=0.0.4; charset=utf-8")


@router.get("/doctor")
def doctor(request: Request, caller: Caller) -> Response:
    """Return findings about every part."""
    return Json(request.app.state.doctor(caller))
