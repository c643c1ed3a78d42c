"""`market`: price series in the lake."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tieout.commands import terminal
from tieout.commands.shell import Json
from tieout.commands.shell import desk as open_desk

if TYPE_CHECKING:
    from tieout.model import Series
    from tieout.ports import ImportPreview

app = typer.Typer(no_args_is_help=True, help="Import, list and show price series.")

Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])]
_FIELDS = ("open", "high", "low", "close", "volume")


@app.command("import")
def import_bars(
    file: Annotated[Path, typer.Argument(help="CSV or Parquet: one series, long, or a column per ticker.")],
    ticker: Annotated[str | None, typer.Option(help="Whose prices, when the file does not say.")] = None,
    vendor: Annotated[str | None, typer.Option(help="Where they come from (default: the file's name).")] = None,
    adjustment: Annotated[str | None, typer.Option(help="none, splits or splits_dividends.")] = None,
    currency: Annotated[str, typer.Option()] = "USD",
    time_zone: Annotated[str, typer.Option()] = "America/New_York",
    known_on: Day = None,
    replace: Annotated[bool, typer.Option("--replace", help="Let the file's values replace stored ones.")] = False,
    preview: Annotated[bool, typer.Option("--preview", help="Only say what would be imported.")] = False,
    as_json: Json = False,
) -> None:
    """Import a price file whole or not at all."""
    from tieout import codec
    from tieout.ports import ImportOptions

    options = ImportOptions(ticker, vendor, adjustment, currency, time_zone, _date(known_on), replace)
    with open_desk() as (desk, who):
        act = desk.preview_bars if preview else desk.import_bars
        seen = act(who, file, options)
    if as_json:
        terminal.show_json({"imported": not preview, **codec.dump(seen)})
        return
    _show_preview(seen)
    word = "Would import" if preview else "Imported"
    terminal.show(f"{word}: {seen.new} new rows, {seen.same} the same, {seen.changed} changed.")


def _show_preview(seen: ImportPreview) -> None:
    columns = ", ".join(f"{role} = {name}" for role, name in seen.columns.items())
    terminal.show(terminal.line(f"Layout {seen.layout}: {columns}")[:300])
    _show_series(seen.series)
    if seen.head:
        names = list(seen.head[0])[:8]
        terminal.show_table(names, [[row.get(name) for name in names] for row in seen.head])
    for row in seen.refused:
        terminal.say(f"{row.file}:{row.line}: {row.reason}")


def _show_series(series: tuple[Series, ...] | list[Series]) -> None:
    rows = [
        (one.key.ticker, one.key.vendor, one.key.adjustment, one.currency, one.first, one.last, one.rows)
        for one in series
    ]
    headings = ("Ticker", "Vendor", "Adjustment", "Currency", "First", "Last", "Rows")
    terminal.show_table(headings, rows, right=("Rows",))


@app.command("list")
def list_series(
    ticker: Annotated[str | None, typer.Argument(help="Only of this ticker.")] = None, as_json: Json = False
) -> None:
    """List the price series with their contracts."""
    from tieout import codec
    from tieout.model import Series

    with open_desk() as (desk, who):
        series = desk.series(who, ticker)
    if as_json:
        terminal.show_json({"series": codec.dump(series, list[Series])})
    elif not series:
        terminal.say("No prices yet. `tieout market import FILE` adds them, `tieout demo` the sample pack.")
    else:
        _show_series(series)


@app.command("show")
def show_bars(
    ticker: Annotated[str, typer.Argument()],
    vendor: Annotated[str | None, typer.Option()] = None,
    adjustment: Annotated[str | None, typer.Option(help="none, splits or splits_dividends.")] = None,
    start: Day = None,
    end: Day = None,
    as_of: Annotated[datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"])] = None,
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, help="How many of the last days.")] = 20,
    as_json: Json = False,
) -> None:
    """Show the last days of one price series."""
    from tieout import codec

    with open_desk() as (desk, who):
        one = _choose(desk.series(who, ticker), ticker, vendor, adjustment)
        table = desk.bars(who, one.key, start=_date(start), end=_date(end), as_of=_date(as_of))
    rows: list[dict[str, Any]] = table.slice(max(0, table.num_rows - limit)).to_pylist()
    if as_json:
        bars = [{"day": str(row["day"]), **{name: row[name] for name in _FIELDS}} for row in rows]
        terminal.show_json({"series": codec.dump(one), "bars": bars})
        return
    _show_series([one])
    cells = [(row["day"], *(row[name] for name in _FIELDS)) for row in rows]
    terminal.show_table(("Day", *(name.title() for name in _FIELDS)), cells, right=[n.title() for n in _FIELDS])


def _choose(series: list[Series], ticker: str, vendor: str | None, adjustment: str | None) -> Series:
    from tieout.errors import NeedsAnswer, NotFound

    fits = [one for one in series if vendor in (None, one.key.vendor) and adjustment in (None, one.key.adjustment)]
    if len(fits) == 1:
        return fits[0]
    if not series:
        raise NotFound(f"There are no prices of {ticker.upper()}; `tieout market list` shows those there are.")
    names = ", ".join(str(one.key) for one in fits or series)
    if fits:
        raise NeedsAnswer(f"{ticker.upper()} has several series; choose with --vendor and --adjustment: {names}.")
    raise NotFound(f"{ticker.upper()} has no such series; it has {names}.")


def _date(value: datetime | None) -> date | None:
    return value.date() if value else None
