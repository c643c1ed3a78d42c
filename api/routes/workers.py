"""The processes that run steps, over HTTP."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from api.routes.common import Caller, TheDesk, record
from tieout.model import Worker

router = APIRouter()


@router.get("/workers")
def workers(desk: TheDesk, caller: Caller) -> Response:
    """List the processes that run steps, or did lately: for admins."""
    return record(desk.workers(caller), list[Worker])
