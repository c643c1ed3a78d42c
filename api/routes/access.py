"""Members, personal tokens and sign-in links over HTTP: a secret is in the answer that makes it, and in no other."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from api.answers import Json
from api.routes.common import Caller, TheDesk, record
from tieout import codec
from tieout.model import Grant, Member, Role

router = APIRouter()
_ONCE = {"Cache-Control": "no-store"}


class MemberBody(BaseModel):
    """What a member may do, and whether they get in."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: Role
    active: bool = True


class TokenBody(BaseModel):
    """What a new token is for, the most that it may do, and how long it lives."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    label: Annotated[str, Field(min_length=1, max_length=128, examples=["nightly notebook"])]
    role: Role | None = None
    days: Annotated[int, Field(ge=1, le=366)] = 90


class LinkBody(BaseModel):
    """Whom the link signs in; nobody named means oneself."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    member: Annotated[str, Field(max_length=128)] | None = None


@router.get("/me")
def me(caller: Caller) -> Response:
    """Say whom the caller acts for."""
    return Json({"principal": caller.id, "workspace": caller.workspace, "role": caller.role.value})


@router.get("/members")
def members(desk: TheDesk, caller: Caller) -> Response:
    """List the workspace's members."""
    return record(desk.members(caller), list[Member])


@router.put("/members/{name}")
def put_member(name: str, body: MemberBody, desk: TheDesk, caller: Caller) -> Response:
    """Add a member, change their role, or keep them out."""
    return record(desk.put_member(caller, name, body.role, active=body.active))


@router.get("/tokens")
def tokens(desk: TheDesk, caller: Caller) -> Response:
    """List one's tokens; admins see those of all members."""
    return record(desk.tokens(caller), list[Grant])


@router.post("/tokens")
def create_token(body: TokenBody, desk: TheDesk, caller: Caller) -> Response:
    """Make a token. Its secret is shown here and never again."""
    token, secret = desk.create_token(caller, body.label, role=body.role, days=body.days)
    return Json({"token": codec.dump(token), "secret": secret.get_secret_value()}, 201, _ONCE)


@router.delete("/tokens/{token_id}")
def revoke_token(token_id: str, desk: TheDesk, caller: Caller) -> Response:
    """End a token at once."""
    desk.revoke_token(caller, token_id)
    return Response(status_code=204)


@router.post("/sign-in-links")
def sign_in_link(body: LinkBody, desk: TheDesk, caller: Caller) -> Response:
    """Make the secret of a link that signs a member in once: `/sign-in?link=SECRET`."""
    secret = desk.sign_in_link(caller, member=body.member)
    return Json({"secret": secret.get_secret_value()}, 201, _ONCE)
