"""Backups and the removal of old runs over HTTP: for admins."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from api.routes.common import Caller, TheDesk, record
from tieout.errors import InvalidInput
from tieout.model import RunState

router = APIRouter()


class BackupBody(BaseModel):
    """Where to write the archive: an absolute path of the service's own machine."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str


class PruneBody(BaseModel):
    """Which runs to remove: those that ended longer ago, in these states (none: in any)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    older_than_s: float = Field(ge=0, le=100 * 366 * 86_400, allow_inf_nan=False)
    states: tuple[RunState, ...] = ()
    dry_run: bool = False


@router.post("/backup")
def backup(body: BackupBody, desk: TheDesk, caller: Caller) -> Response:
    """Write an archive of everything to a new file; the answer comes when it is complete."""
    path = Path(body.path)
    if "\x00" in body.path or not path.is_absolute():
        raise InvalidInput(f"Give the absolute path of {body.path!r}.")
    return record(desk.backup(caller, path))


@router.post("/prune")
def prune(body: PruneBody, desk: TheDesk, caller: Caller) -> Response:
    """Remove runs that ended longer ago."""
    older_than = timedelta(seconds=body.older_than_s)
    return record(desk.prune(caller, older_than=older_than, states=body.states, dry_run=body.dry_run))
