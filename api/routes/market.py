"""Prices and instruments over HTTP."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from fastapi import APIRouter
from starlette.responses import Response

from api.answers import arrow
from api.routes.common import Caller, TheDesk, record
from api.schemas import ImportBody
from tieout.errors import InvalidInput
from tieout.model import Series, SeriesKey
from tieout.ports import ImportOptions

router = APIRouter()


@router.post("/market/preview")
def preview(body: ImportBody, desk: TheDesk, caller: Caller) -> Response:
    """Say what an import of a file of this machine would do."""
    return record(desk.preview_bars(caller, _local(body.path), ImportOptions(**dict(body.options))))


@router.post("/market/import")
def import_bars(body: ImportBody, desk: TheDesk, caller: Caller) -> Response:
    """Import a price file of this machine whole or not at all."""
    return record(desk.import_bars(caller, _local(body.path), ImportOptions(**dict(body.options))))


@router.get("/market/series")
def series(desk: TheDesk, caller: Caller, ticker: str | None = None) -> Response:
    """List the price contracts."""
    return record(desk.series(caller, ticker), list[Series])


@router.get("/market/bars")
def bars(
    ticker: str,
    vendor: str,
    adjustment: str,
    desk: TheDesk,
    caller: Caller,
    start: date | None = None,
    end: date | None = None,
    as_of: date | None = None,
) -> Response:
    """Return the bars of one series as an Arrow stream."""
    table = desk.bars(caller, SeriesKey(ticker, vendor, adjustment), start=start, end=end, as_of=as_of)
    return arrow(table)


@router.get("/instruments")
def instrument(reference: str, desk: TheDesk, caller: Caller) -> Response:
    """Return the instrument of a ticker, name or identifier."""
    return record(desk.instrument(caller, reference))


def _local(path: str) -> Path:
    if "\x00" in path or not Path(path).is_absolute():
        raise InvalidInput(f"Give the absolute path of {path!r}.")
    return Path(path)
