"""Computes facts from their SQL over the rows that they may see, and says which rows those were."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from store.lake.sandbox import Limits, check_select, connect, first_rows
from store.lake.schema import BARS, FIGURES, KEYS
from tieout.errors import Conflict, InvalidInput
from tieout.model import Fact
from tieout.ports import FactQuery

_TABLES = frozenset({"bars", "figures"})
_LIMITS = Limits(memory="1GB", seconds=60.0)
_TOLERANCE = Decimal("1e-12")
_DIGITS = 15  # every double has at least this many correct decimal digits

Rows = Mapping[str, pa.Table]


class Calculator:
    """One locked in-memory DuckDB over changing rows: `view` sets what `bars` and `figures` are, `value` computes."""

    def __init__(self) -> None:
        self._connection: duckdb.DuckDBPyConnection = connect(_LIMITS)
        self._shown: dict[str, pa.Table] = {}
        self._checked: set[str] = set()  # the same measure of many tickers has the same text

    def view(self, rows: Rows) -> None:
        """Make these rows the tables that SQL sees; a table that is not given is empty."""
        for name, empty in (("bars", BARS), ("figures", FIGURES)):
            table = rows.get(name)
            table = empty.empty_table() if table is None else table
            if self._shown.get(name) is not table:
                self._connection.register(name, table)
                self._shown[name] = table

    def value(self, name: str, sql: str, parameters: Mapping[str, Any]) -> Decimal | None:
        """Return the one value of the SQL; None for NULL, no row, and what is not finite. Raises InvalidInput."""
        try:
            if sql not in self._checked:
                check_select(self._connection, sql, _TABLES)
                self._checked.add(sql)
            rows, columns = first_rows(self._connection, sql, parameters, _LIMITS)
        except InvalidInput as error:
            raise InvalidInput(f"{name} cannot be computed: {error.message}", sql=sql) from error
        if columns != 1 or len(rows) > 1:
            shape = f"{columns} columns" if columns != 1 else "more than one row"
            raise InvalidInput(f"{name} cannot be computed: its SQL returns {shape}, a fact is one value", sql=sql)
        return to_decimal(rows[0][0]) if rows else None

    def close(self) -> None:
        """Let the connection go."""
        self._connection.close()


def to_decimal(value: object) -> Decimal | None:
    """Return a result as Decimal: exact numbers as they are, doubles rounded to 15 significant digits.

    None for NULL, NaN and infinities. Raises InvalidInput for anything that is no number.
    """
    if value is None:
        return None
    if isinstance(value, float):
        return _plain(Decimal(f"{value:.{_DIGITS}g}")) if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return _plain(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    raise InvalidInput(f"a fact is a number, its SQL returned {type(value).__name__}")


def _plain(value: Decimal) -> Decimal:
    """Drop trailing zeros without writing 100 as 1E+2."""
    short = value.normalize()
    return short.quantize(Decimal(1)) if short.as_tuple().exponent > 0 else short  # type: ignore[operator]


def fact_of(query: FactQuery, value: Decimal, snapshot: str, seen: object) -> Fact:
    """Return the fact. Its id is a hash of what was computed from what, so that the same fact has the same id."""
    return Fact(
        id=fact_id(query, seen),
        name=query.name,
        value=value,
        unit=query.unit,
        display=query.display(value) if query.display else f"{value:f}",
        method=query.method,
        sql=query.sql,
        snapshot=snapshot,
        as_of=query.as_of,
        parameters=dict(query.parameters),
        currency=query.currency,
        period=query.period,
        instrument=query.instrument,
        measure=query.measure,
        series=tuple(str(key) for key in query.series),
        figures=tuple(figure.id for figure in query.figures),
        spans=query.spans,
    )


def fact_id(query: FactQuery, seen: object) -> str:
    """Return "f_" and 16 hexadecimal digits of the hash of the query's name, SQL, parameters and data version."""
    content = [query.name, query.sql, dict(query.parameters), query.as_of.isoformat(), seen]
    try:
        text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    except TypeError as error:
        raise InvalidInput(f"{query.name}: a parameter is no JSON value: pass a date as its ISO text") from error
    return f"f_{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def distinct(facts: Sequence[Fact]) -> None:
    """Check that no two different facts share an id. Raises Conflict, which names both."""
    found: dict[str, Fact] = {}
    for fact in facts:
        other = found.setdefault(fact.id, fact)
        if (other.name, other.sql, other.parameters, other.value) != (fact.name, fact.sql, fact.parameters, fact.value):
            raise Conflict(f"{other.name} and {fact.name} have the same id {fact.id}: give one of them another name")


def known(bars: pa.Table, as_of: date) -> pa.Table:
    """Return the bars of days up to `as_of` that were known by then."""
    limit = pa.scalar(as_of, pa.date32())
    return bars.filter(pc.and_(pc.less_equal(bars["day"], limit), pc.less_equal(bars["known_on"], limit)))


def known_figures(figures: pa.Table, ids: Iterable[str], as_of: date) -> pa.Table:
    """Return the figures of these ids that were known by `as_of`.

    One without a date is let through: its document is used only where no `as_of` was asked for.
    """
    late = pc.fill_null(pc.greater(figures["known_on"], pa.scalar(as_of, pa.date32())), fill_value=False)
    wanted = pc.is_in(figures["id"], value_set=pa.array(list(ids), pa.string()))
    return figures.filter(pc.and_(wanted, pc.invert(late)))


def narrowed(bars: pa.Table, parameters: Mapping[str, Any]) -> pa.Table:
    """Return the bars within the parameters `start` and `end`, where those are days: what such SQL usually reads."""
    for name, keep in (("start", pc.greater_equal), ("end", pc.less_equal)):
        day = _day(parameters.get(name))
        if day is not None:
            bars = bars.filter(keep(bars["day"], pa.scalar(day, pa.date32())))
    return bars


def bundle(facts: Sequence[Fact], rows_of: Callable[[Fact], Rows]) -> dict[str, pa.Table]:
    """Return the rows from which the facts' own SQL gives their values again, each table without repetitions.

    A fact's bars are first cut to its `start` and `end`; where that changes its value, it keeps all that it saw.
    Where facts cite versions in which a row differs, the row of the last fact stands, as long as every fact keeps its
    value. `rows_of` returns the very same table for facts that see the same rows. Raises InvalidInput for a fact whose
    SQL depends on which other rows stand beside its own, Conflict where the differing rows change a value.
    """
    tables: dict[str, list[pa.Table]] = {"bars": [BARS.empty_table()], "figures": [FIGURES.empty_table()]}
    cut: dict[tuple[int, object, object], pa.Table] = {}  # facts of one window share their rows
    calculator = Calculator()
    try:
        for fact in facts:
            full = rows_of(fact)
            window = (id(full["bars"]), fact.parameters.get("start"), fact.parameters.get("end"))
            if window not in cut:
                cut[window] = narrowed(full["bars"], fact.parameters)
            rows = {**full, "bars": cut[window]}
            calculator.view(rows)
            if not _same(calculator.value(fact.name, fact.sql, fact.parameters), fact.value):
                rows = dict(full)
            for name, table in rows.items():
                tables[name].append(table)
        together, replaced = {}, []
        for name, parts in tables.items():
            rows = _distinct(parts, KEYS[name])
            together[name] = _one_per_key(rows, KEYS[name])
            replaced += [name] if together[name].num_rows < rows.num_rows else []
        calculator.view(together)
        for fact in facts:
            again = calculator.value(fact.name, fact.sql, fact.parameters)
            if not _same(again, fact.value) and replaced:
                raise Conflict(
                    f"{' and '.join(replaced)} were replaced between the computations of these facts, which changes "
                    f"{fact.name} from {fact.value} to {again}: ask the question again"
                )
            if not _same(again, fact.value):
                raise InvalidInput(
                    f"{fact.name} is {fact.value} by itself and {again} beside the rows of other facts: its SQL must "
                    "name its series, days and figures"
                )
    finally:
        calculator.close()
    return together


def _distinct(parts: list[pa.Table], keys: Sequence[str]) -> pa.Table:
    """Return the rows without repetitions by key; those of one key that differ stay in the order of `parts`."""
    unique = list({id(part): part for part in parts}.values())
    table = pa.concat_tables(unique)
    rows = table.group_by(table.column_names, use_threads=False).aggregate([]).select(table.column_names)
    place = pa.array(range(rows.num_rows), pa.int64())
    order = [(key, "ascending") for key in (*keys, "place")]
    return rows.append_column("place", place).sort_by(order).select(table.column_names)


def _one_per_key(table: pa.Table, keys: Sequence[str]) -> pa.Table:
    """Return the last row of each key, in the order of keys."""
    places = pa.array(range(table.num_rows), pa.int64())
    last = table.select(list(keys)).append_column("place", places).group_by(list(keys)).aggregate([("place", "max")])
    return table if last.num_rows == table.num_rows else table.take(last["place_max"].sort())


def _same(again: Decimal | None, value: Decimal) -> bool:
    """Whether two results are equal but for the order in which doubles were added."""
    return again is not None and abs(again - value) <= _TOLERANCE * max(abs(value), Decimal(1))


def _day(value: object) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
