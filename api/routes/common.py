"""What every route needs: the desk, and whom the caller acts for."""

from __future__ import annotations

from typing import Annotated, Any, cast

from fastapi import Depends, Request
from starlette.responses import Response

from api.answers import Json
from api.auth import principal_of
from tieout import codec
from tieout.model import Principal
from tieout.ports import Desk


def _desk(request: Request) -> Desk:
    return cast(Desk, request.app.state.desk)


TheDesk = Annotated[Desk, Depends(_desk)]
Caller = Annotated[Principal, Depends(principal_of)]


def record(value: object, kind: Any = None, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a record of the vocabulary (`list[...]` as `kind` for lists) as JSON."""
    return Json(codec.dump(value, kind), status, headers)
