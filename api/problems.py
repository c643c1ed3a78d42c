"""Errors as problem details (RFC 9457): one status per class of the error tree, never a stack trace."""

from __future__ import annotations

from collections.abc import Mapping

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from api.answers import Json
from tieout.errors import (
    BudgetExceeded,
    Conflict,
    FolderLocked,
    InvalidInput,
    NeedsAnswer,
    NotAvailable,
    NotFound,
    PermissionDenied,
    ProviderError,
    ProviderUnavailable,
    StorageFull,
    TieoutError,
    UnknownInstrument,
)

_LOG = structlog.get_logger(__name__)

# The first class that fits decides: an error comes before the class that it derives from.
STATUSES: tuple[tuple[type[TieoutError], int], ...] = (
    (UnknownInstrument, 422),
    (InvalidInput, 422),
    (NotFound, 404),
    (NeedsAnswer, 409),
    (PermissionDenied, 403),
    (FolderLocked, 423),
    (Conflict, 409),
    (BudgetExceeded, 402),
    (ProviderUnavailable, 503),
    (ProviderError, 502),
    (StorageFull, 507),
    (NotAvailable, 503),
    (TieoutError, 500),
)


def problem(status: int, kind: str, detail: str, details: Mapping[str, object] | None = None) -> dict[str, object]:
    """Return a problem-details object; `kind` is the error's class name, `details` what it carries besides."""
    return {
        "type": f"urn:tieout:error:{kind}",
        "title": kind,
        "status": status,
        "detail": detail,
        "kind": kind,
        "details": dict(details or {}),
    }


def problem_response(
    status: int,
    kind: str,
    detail: str,
    details: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return the response that carries a problem."""
    body = problem(status, kind, detail, details)
    return Json(body, status, dict(headers or {}), media_type="application/problem+json")


def error_problem(error: TieoutError) -> dict[str, object]:
    """Return the problem that an error of our tree is."""
    status = next(status for kind, status in STATUSES if isinstance(error, kind))
    return problem(status, type(error).__name__, error.message, error.json_details())


def install(app: FastAPI) -> None:
    """Make every error of the application a problem."""

    def expected(_request: Request, error: Exception) -> Response:
        assert isinstance(error, TieoutError)
        body = error_problem(error)
        return Json(body, int(str(body["status"])), media_type="application/problem+json")

    def invalid(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:]) or "the request body"
        return problem_response(422, "InvalidInput", f"{where}: {first['msg']}.")

    def refused(_request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        kind = "NotFound" if error.status_code == 404 else "InvalidInput"
        return problem_response(error.status_code, kind, f"{error.detail}.", headers=error.headers)

    def unexpected(request: Request, error: Exception) -> Response:
        _LOG.error("request_failed", path=request.url.path, exc_info=error)
        return problem_response(500, "TieoutError", "The service failed; its log says why.")

    app.add_exception_handler(TieoutError, expected)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(Exception, unexpected)
