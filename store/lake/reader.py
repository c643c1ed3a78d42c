"""Reads a CSV or Parquet file into columns without interpreting them, keeping each row's line for later complaints."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from tieout.errors import NotFound, RefusedFile
from tieout.ports import RefusedRow

_MAX_BYTES = 512 * 2**20
_MAX_CELLS = 100_000_000
_MAX_COLUMNS = 5_000
_DELIMITERS = (",", ";", "\t", "|")
_CONTRACT = "tieout."  # a Parquet file may carry its price contract in metadata such as tieout.vendor


@dataclass(frozen=True)
class RawTable:
    """A file's columns as they stand: text from CSV, typed from Parquet. `lines[i]` is where row `i` stands."""

    name: str  # the file's name, never its path
    header: tuple[str, ...]
    columns: tuple[pl.Series, ...]
    lines: pl.Series
    refused: tuple[RefusedRow, ...] = ()
    contract: Mapping[str, str] = field(default_factory=dict)


def read_raw(path: Path) -> RawTable:
    """Read a file whole. Raises NotFound, and RefusedFile for what is no readable CSV or Parquet table."""
    name = path.name
    try:
        if path.is_dir():
            raise RefusedFile(f"{name} is a folder: name one CSV or Parquet file")
        if not path.exists():
            raise NotFound(f"there is no file {name}: check the path")
        if not path.is_file():
            raise RefusedFile(f"{name} is not a regular file: name a CSV or Parquet file")
        size = path.stat().st_size
        if size == 0:
            raise RefusedFile(f"{name} is empty")
        if size > _MAX_BYTES:
            raise RefusedFile(f"{name} has {size >> 20} MB: at most {_MAX_BYTES >> 20} MB are read, split it")
        with path.open("rb") as file:
            magic = file.read(4)
        return _read_parquet(path) if magic == b"PAR1" else _read_csv(name, path.read_bytes())
    except (OSError, ValueError) as error:
        raise RefusedFile(f"{name} cannot be read: {getattr(error, 'strerror', None) or error}") from error


# ---------------------------------------------------------------- CSV


def _read_csv(name: str, data: bytes) -> RawTable:
    text = _decode(name, data)
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(_DELIMITERS, key=first.count)
    if first.count(delimiter) == 0:
        raise RefusedFile(f"{name}: its first line has no columns separated by comma, semicolon, tab or |")
    rows: list[list[str]] = []
    lines: list[int] = []
    refused: list[RefusedRow] = []
    header: tuple[str, ...] = ()
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for row in reader:
            if not any(cell and not cell.isspace() for cell in row):
                continue  # a blank line
            if not header:
                header = _checked_header(name, row)
            elif len(row) != len(header):
                reason = f"{len(row)} fields where the header has {len(header)}: a torn or shifted line"
                refused.append(RefusedRow(name, reader.line_num, reason))
            else:
                rows.append(row)
                lines.append(reader.line_num)
    except csv.Error as error:
        raise RefusedFile(f"{name}, line {reader.line_num}: {error}") from error
    if not rows and not refused:
        raise RefusedFile(f"{name} has a header and no rows")
    cells = list(zip(*rows, strict=True)) if rows else [() for _ in header]
    columns = tuple(pl.Series(head, column, dtype=pl.String) for head, column in zip(header, cells, strict=True))
    if not text.endswith(("\n", "\r")):
        refused.extend(_cut_short(name, columns, lines))
    return RawTable(name, header, columns, pl.Series("line", lines, dtype=pl.Int64), tuple(refused))


def _decode(name: str, data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding = "utf-16"
    elif data[:4] == b"PK\x03\x04":
        raise RefusedFile(f"{name} is a spreadsheet or archive: export the table as CSV")
    elif b"\0" in data:
        raise RefusedFile(f"{name} is neither text nor Parquet")
    else:
        encoding = "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise RefusedFile(f"{name} is not UTF-8 text (byte {error.start}): save it as UTF-8 CSV") from error


def _cut_short(name: str, columns: tuple[pl.Series, ...], lines: list[int]) -> list[RefusedRow]:
    """Tell a line cut inside its last cell from a file that merely lacks the last line end.

    Without a line end, a last cell shorter than every other in its column is taken for the rest of a torn one.
    """
    filled = columns[-1].str.len_chars() if len(lines) > 2 else pl.Series([], dtype=pl.UInt32)
    if filled.is_empty() or filled[-1] == 0:
        return []
    others = filled[:-1].filter(filled[:-1] > 0)
    if others.is_empty() or filled[-1] >= int(str(others.min())):
        return []
    reason = f"the file ends inside this line: its last value {columns[-1][-1]!r} is cut short and has no line end"
    return [RefusedRow(name, lines[-1], reason)]


# ---------------------------------------------------------------- Parquet


def _read_parquet(path: Path) -> RawTable:
    name = path.name
    try:
        with pq.ParquetFile(path) as file:
            shape = file.metadata.num_rows, file.metadata.num_columns
            if shape[0] * shape[1] > _MAX_CELLS:
                raise RefusedFile(f"{name} has {shape[0]:,} rows of {shape[1]} columns: split it")
            table = file.read()
    except pa.ArrowException as error:
        raise RefusedFile(f"{name} is a broken Parquet file: {str(error).splitlines()[0]}") from error
    if table.num_rows == 0:
        raise RefusedFile(f"{name} has no rows")
    header = _checked_header(name, table.column_names)
    for column in table.schema:
        if pa.types.is_nested(column.type) or pa.types.is_binary(column.type):
            raise RefusedFile(f"{name}: column {column.name!r} holds {column.type}, not dates, text or numbers")
    columns = tuple(pl.Series(head, table.column(index)) for index, head in enumerate(header))
    lines = pl.Series("line", range(1, table.num_rows + 1), dtype=pl.Int64)
    return RawTable(name, header, columns, lines, contract=_contract(table.schema.metadata or {}))


def _contract(metadata: Mapping[bytes, bytes]) -> dict[str, str]:
    texts = {key.decode(errors="replace"): value.decode(errors="replace") for key, value in metadata.items()}
    return {key.removeprefix(_CONTRACT): value for key, value in texts.items() if key.startswith(_CONTRACT)}


def _checked_header(name: str, names: Iterable[str]) -> tuple[str, ...]:
    header = tuple(text.strip() for text in names)
    if len(header) > _MAX_COLUMNS:
        raise RefusedFile(f"{name} has {len(header)} columns: at most {_MAX_COLUMNS} are read")
    if any(not text for text in header[1:]):
        raise RefusedFile(f"{name}: column {header.index('', 1) + 1} has no name in the header")
    twice = next((text for text in header if header.count(text) > 1), None)
    if twice is not None:
        raise RefusedFile(f"{name}: the header names {twice!r} twice")
    return header
