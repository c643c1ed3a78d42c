"""Prices and instruments over HTTP."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.answers import arrow, tabular
from api.routes.common import Caller, TheDesk, record
from api.schemas import BarQuery, ImportBody, ScreenQuery
from tieout.errors import InvalidInput
from tieout.model import Fact, Series, SeriesKey
from tieout.ports import BarFilter, ImportOptions, ScreenFilter

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


@router.get("/market/rows")
def rows(request: Request, desk: TheDesk, caller: Caller, where: Annotated[BarQuery, Query()]) -> Response:
    """Return a page of the bars of all series that fit, as JSON or, when asked for, as an Arrow stream."""
    asked = BarFilter(**where.model_dump(exclude={"limit", "offset"}))
    table, count = desk.find_bars(caller, asked, limit=where.limit, offset=where.offset)
    return tabular(request, table, {"X-Total-Count": str(count)})


@router.get("/market/screen")
def screen(request: Request, desk: TheDesk, caller: Caller, where: Annotated[ScreenQuery, Query()]) -> Response:
    """Return one line for each series that fits, as JSON or, when asked for, as an Arrow stream."""
    asked = ScreenFilter(**where.model_dump(exclude={"limit"}))
    return tabular(request, desk.screen(caller, asked, limit=where.limit))


@router.get("/market/measures")
def measures(
    ticker: str,
    desk: TheDesk,
    caller: Caller,
    name: Annotated[list[str] | None, Query()] = None,
    start: date | None = None,
    end: date | None = None,
    as_of: date | None = None,
) -> Response:
    """Compute price measures of a ticker, all when none is named, as facts with their SQL and snapshot."""
    return record(desk.measure(caller, ticker, name or (), start=start, end=end, as_of=as_of), list[Fact])


@router.get("/instruments")
def instrument(reference: str, desk: TheDesk, caller: Caller) -> Response:
    """Return the instrument of a ticker, name or identifier."""
    return record(desk.instrument(caller, reference))


def _local(path: str) -> Path:
    if "\x00" in path or not Path(path).is_absolute():
        raise InvalidInput(f"Give the absolute path of {path!r}.")
    return Path(path)
