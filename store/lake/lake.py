"""The lake behind the `Lake` port: imports, contracts, reads at one version, facts, and SQL from outside."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import reduce
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from store.lake import sandbox
from store.lake import screen as screening
from store.lake.compute import Calculator, Rows, bundle, distinct, fact_of, known, known_figures
from store.lake.contract import contracts
from store.lake.delta import DeltaTables
from store.lake.imports import Changes, compare, preview, rows_to_write
from store.lake.prices import PriceFile, read_prices
from store.lake.schema import BARS, figure_rows, schema_of
from store.lake.tables import MemoryTables, Tables
from tieout.errors import Conflict, InvalidInput, NotFound
from tieout.model import Fact, Figure, Principal, Series, SeriesKey
from tieout.ports import BarFilter, FactQuery, ImportOptions, ImportPreview, ScreenFilter

_DEFAULTS = ImportOptions()
_CACHED_SERIES = 256
_BAR_COLUMNS = ["day", "open", "high", "low", "close", "volume"]


def _today() -> date:
    return datetime.now(UTC).date()


class TableLake:
    """The lake over any versioned tables. Safe to use from several threads; opens nothing until it is asked.

    `today` dates the check that no bar lies in the future; `limits` bound SQL from outside.
    """

    def __init__(
        self,
        tables: Tables,
        *,
        today: Callable[[], date] = _today,
        limits: sandbox.Limits = sandbox.Limits(),  # noqa: B008 (frozen)
    ) -> None:
        self._tables = tables
        self._today = today
        self._limits = limits
        self._cache: dict[tuple[str, int, object], Any] = {}  # versions are immutable
        self._guard = threading.Lock()

    # ---------------------------------------------------------------- imports

    def preview_bars(self, principal: Principal, path: Path, options: ImportOptions = _DEFAULTS) -> ImportPreview:
        """Say what an import would do; writes nothing. Raises NotFound, RefusedFile, InvalidInput."""
        file = read_prices(path, options, self._today())
        return preview(file, self._changes(principal, file))

    def import_bars(self, principal: Principal, path: Path, options: ImportOptions = _DEFAULTS) -> ImportPreview:
        """Import whole or not at all; rows that are stored already change nothing.

        Raises NotFound, RefusedFile (bad rows, or stored rows with other values and no `replace`), InvalidInput,
        StorageFull.
        """
        file = read_prices(path, options, self._today())
        with self._tables.lock(principal.workspace, "bars"):
            changes = self._changes(principal, file)
            rows = rows_to_write(file, changes, replace=options.replace)
            if rows.num_rows:
                upsert = not changes.changed.is_empty()
                self._tables.write(principal.workspace, "bars", rows, upsert=upsert)
        return preview(file, changes)

    def _changes(self, principal: Principal, file: PriceFile) -> Changes:
        version = self._tables.version(principal.workspace, "bars")
        tickers = pc.field("ticker").isin(file.bars["ticker"].unique().to_list())
        where = tickers & (pc.field("vendor") == file.layout.vendor)
        return compare(file, self._tables.read(principal.workspace, "bars", version, where))

    # ---------------------------------------------------------------- reads

    def series(self, principal: Principal, ticker: str | None = None) -> list[Series]:
        """Return the price contracts, by ticker, vendor, adjustment."""
        version = self._tables.version(principal.workspace, "bars")
        found: list[Series] = self._cached(
            (principal.workspace, version, "contracts"),
            lambda: contracts(self._tables.read(principal.workspace, "bars", version)),
        )
        return [one for one in found if ticker is None or one.key.ticker == ticker.upper()]

    def bars(
        self,
        principal: Principal,
        key: SeriesKey,
        *,
        start: date | None = None,
        end: date | None = None,
        as_of: date | None = None,
    ) -> pa.Table:
        """Return day, open, high, low, close, volume of one series by day, both ends included.

        None is known after `as_of`. Raises NotFound for a series that the lake does not have.
        """
        rows = self._series_rows(principal.workspace, self._tables.version(principal.workspace, "bars"), key)
        rows = rows if as_of is None else known(rows, as_of)
        if start is not None:
            rows = rows.filter(pc.greater_equal(rows["day"], pa.scalar(start, pa.date32())))
        if end is not None:
            rows = rows.filter(pc.less_equal(rows["day"], pa.scalar(end, pa.date32())))
        return rows.select(_BAR_COLUMNS)

    def find_bars(
        self, principal: Principal, where: BarFilter, *, limit: int = 100, offset: int = 0
    ) -> tuple[pa.Table, int]:
        """Return a page of the bars that fit, and how many fit in all. Raises InvalidInput for an unknown column."""
        version = self._tables.version(principal.workspace, "bars")
        return screening.find_bars(self._bars(principal, version), where, limit=limit, offset=offset)

    def screen(self, principal: Principal, where: ScreenFilter, *, limit: int = 100) -> pa.Table:
        """Return one line a series that fits. Raises InvalidInput for an unknown column."""
        version = self._tables.version(principal.workspace, "bars")
        key = (principal.workspace, version, ("screen", where, limit))
        return self._cached(key, lambda: screening.screen(self._bars(principal, version), where, limit=limit))

    def _bars(self, principal: Principal, version: int) -> Any:
        return self._tables.dataset(principal.workspace, "bars", version)

    def last_day(self, principal: Principal, tickers: Sequence[str] = ()) -> date | None:
        """Return the last bar's day over the given tickers (all, when empty); None when there is no bar."""
        wanted = {ticker.upper() for ticker in tickers}
        last = [one.last for one in self.series(principal) if not wanted or one.key.ticker in wanted]
        return max(last, default=None)

    def snapshot(self, principal: Principal, table: str) -> str:
        """Return "table@version" of the newest version; version 0 is empty. Raises NotFound for another table."""
        schema_of(table)
        return f"{table}@{self._tables.version(principal.workspace, table)}"

    def query(
        self,
        principal: Principal,  # noqa: ARG002 (the caller's tables are all that it can see)
        sql: str,
        parameters: Mapping[str, Any],
        tables: Mapping[str, pa.Table],
    ) -> pa.Table:
        """Run one SELECT from outside over the given tables only, within limits. Raises InvalidInput."""
        return sandbox.query(sql, parameters, tables, self._limits)

    # ---------------------------------------------------------------- facts

    def compute(self, principal: Principal, queries: Sequence[FactQuery]) -> list[Fact]:
        """Compute facts, all over one version of each table. One that has no value is left out.

        The figures that queries bring are stored first. A fact's SQL sees the bars of its own series and its own
        figures, none known after its `as_of`. Raises InvalidInput for SQL that cannot be run, NotFound for a series
        that the lake does not have, Conflict for two figures or facts of one id, StorageFull.
        """
        workspace = principal.workspace
        if not queries:
            return []
        figures = _by_id(figure for query in queries for figure in query.figures)
        versions = {"bars": self._tables.version(workspace, "bars"), "figures": self._store(workspace, figures)}
        stored = self._figure_rows(workspace, versions["figures"], figures)
        views: dict[object, Rows] = {}
        facts: list[Fact] = []
        calculator = Calculator()
        try:
            for query in queries:
                snapshot = _snapshot(query, versions)
                group = (query.series, query.as_of, tuple(figure.id for figure in query.figures))
                if group not in views:
                    views[group] = self._view(workspace, versions["bars"], stored, query)
                calculator.view(views[group])
                value = calculator.value(query.name, query.sql, query.parameters)
                if value is not None:
                    seen = [versions["bars"] if query.series else None, views[group]["figures"]["value"].to_pylist()]
                    facts.append(fact_of(query, value, snapshot, [str(item) for item in seen]))
        finally:
            calculator.close()
        distinct(facts)
        self._pin(workspace, facts)
        return facts

    def rows(self, principal: Principal, facts: Sequence[Fact]) -> Mapping[str, pa.Table]:
        """Return the rows of `bars` and `figures` that the facts read, at the versions that they cite.

        Each fact's SQL with its parameters gives its value again over these rows, in any DuckDB. Bars are bounded by
        the parameters `start` and `end` where a fact has them and its value needs no more. Raises NotFound for a
        version that is not there, Conflict when facts cite versions whose differences change a value.
        """
        seen: dict[object, Rows] = {}

        def rows_of(fact: Fact) -> Rows:
            group = (fact.snapshot, fact.series, fact.as_of, fact.figures)
            if group not in seen:
                seen[group] = self._fact_rows(principal.workspace, fact)
            return seen[group]

        return bundle(facts, rows_of)

    def _view(self, workspace: str, version: int, stored: pa.Table, query: FactQuery) -> Rows:
        parts = [known(self._series_rows(workspace, version, key), query.as_of) for key in dict.fromkeys(query.series)]
        ids = [figure.id for figure in query.figures]
        return {
            "bars": pa.concat_tables(parts) if parts else BARS.empty_table(),
            "figures": known_figures(stored, ids, query.as_of),
        }

    def _fact_rows(self, workspace: str, fact: Fact) -> Rows:
        versions = _parsed(fact.snapshot)
        keys = [_key(text) for text in dict.fromkeys(fact.series)]
        parts = [known(self._series_rows(workspace, versions["bars"], key), fact.as_of) for key in keys]
        stored = self._figure_rows(workspace, versions.get("figures", 0), fact.figures)
        return {
            "bars": pa.concat_tables(parts) if parts else BARS.empty_table(),
            "figures": known_figures(stored, fact.figures, fact.as_of),
        }

    def _store(self, workspace: str, figures: Mapping[str, Figure]) -> int:
        """Add the figures that are missing or read differently by now; return the version that holds them all."""
        version = self._tables.version(workspace, "figures")
        if not figures:
            return version
        rows = figure_rows(list(figures.values()))
        if not self._missing(workspace, version, rows).num_rows:
            return version
        with self._tables.lock(workspace, "figures"):
            version = self._tables.version(workspace, "figures")
            missing = self._missing(workspace, version, rows)
            if not missing.num_rows:
                return version
            held = self._figure_rows(workspace, version, missing["id"].to_pylist())
            return self._tables.write(workspace, "figures", missing, upsert=held.num_rows > 0)

    def _missing(self, workspace: str, version: int, rows: pa.Table) -> pa.Table:
        held = {row["id"]: row for row in self._figure_rows(workspace, version, rows["id"].to_pylist()).to_pylist()}
        return rows.filter(pa.array([held.get(row["id"]) != row for row in rows.to_pylist()], pa.bool_()))

    def _figure_rows(self, workspace: str, version: int, ids: Mapping[str, Figure] | Sequence[str]) -> pa.Table:
        return self._tables.read(workspace, "figures", version, pc.field("id").isin(pa.array(list(ids), pa.string())))

    def _series_rows(self, workspace: str, version: int, key: SeriesKey) -> pa.Table:
        def read() -> pa.Table:
            where = reduce(
                lambda left, right: left & right,
                [pc.field(name) == getattr(key, name) for name in ("ticker", "vendor", "adjustment")],
            )
            return self._tables.read(workspace, "bars", version, where).sort_by("day").combine_chunks()

        rows = self._cached((workspace, version, key), read)
        if not rows.num_rows:
            raise NotFound(f"the lake has no series {key}: see `tieout market list`, or import one")
        return rows

    def _pin(self, workspace: str, facts: Sequence[Fact]) -> None:
        cited = {pair for fact in facts for pair in _parsed(fact.snapshot).items()}
        for table in sorted({table for table, _ in cited}):
            self._tables.pin(workspace, table, [version for name, version in cited if name == table])

    def _cached(self, key: tuple[str, int, object], read: Callable[[], Any]) -> Any:
        with self._guard:
            if key in self._cache:
                return self._cache[key]
        value = read()
        with self._guard:
            while len(self._cache) >= _CACHED_SERIES:
                del self._cache[next(iter(self._cache))]
            self._cache[key] = value
        return value


class DeltaLake(TableLake):
    """The lake in Delta tables under `<folder>/<workspace>/`, shared by threads and processes."""

    def __init__(self, folder: Path, **options: Any) -> None:
        super().__init__(DeltaTables(folder), **options)


class MemoryLake(TableLake):
    """The lake in this process's memory, gone when it ends."""

    def __init__(self, **options: Any) -> None:
        super().__init__(MemoryTables(), **options)


def _by_id(figures: Any) -> dict[str, Figure]:
    found: dict[str, Figure] = {}
    for figure in figures:
        if found.setdefault(figure.id, figure) != figure:
            raise Conflict(f"two different figures have the id {figure.id}: read the document again")
    return found


def _snapshot(query: FactQuery, versions: Mapping[str, int]) -> str:
    read = [name for name, used in (("bars", query.series), ("figures", query.figures)) if used]
    if not read:
        raise InvalidInput(f"{query.name} cannot be computed: it names no series and no figures")
    return ",".join(f"{name}@{versions[name]}" for name in read)


def _parsed(snapshot: str) -> dict[str, int]:
    parts = [part.partition("@") for part in snapshot.split(",") if part]
    if any(not version.isdecimal() for _, _, version in parts):
        raise InvalidInput(f"{snapshot!r} is no snapshot such as bars@3")
    return {table: int(version) for table, _, version in parts}


def _key(text: str) -> SeriesKey:
    ticker, vendor, adjustment = text.split("/")
    return SeriesKey(ticker, vendor, adjustment)
