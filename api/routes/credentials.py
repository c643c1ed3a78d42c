"""Credentials over HTTP, for admins: they are put and removed, and no route gives one back."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, SecretStr
from starlette.responses import Response

from api.answers import Json
from api.routes.common import Caller, TheDesk

router = APIRouter(prefix="/credentials")


class CredentialBody(BaseModel):
    """The value to keep."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    value: SecretStr


@router.get("")
def credentials(desk: TheDesk, caller: Caller) -> Response:
    """Say who put each credential that is kept."""
    return Json(dict(desk.credentials(caller)))


@router.post("/rotate")
def rotate(desk: TheDesk, caller: Caller) -> Response:
    """Seal the credentials of all workspaces anew with the newest key."""
    return Json({"count": desk.rotate_credentials(caller)})


@router.put("/{name}")
def put(name: str, body: CredentialBody, desk: TheDesk, caller: Caller) -> Response:
    """Keep a credential, in place of the one of that name."""
    desk.put_credential(caller, name, body.value)
    return Response(status_code=204)


@router.delete("/{name}")
def remove(name: str, desk: TheDesk, caller: Caller) -> Response:
    """Remove a credential."""
    desk.remove_credential(caller, name)
    return Response(status_code=204)
