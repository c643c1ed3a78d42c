"""The files of the lake's tables that a backup takes: every version up to the one that stands now, and no newer one.

A version never changes and its files are never removed, so writers may go on meanwhile. What a writer has not
committed yet is not taken. The records were read before, so no fact of theirs cites a version that is newer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from tieout.errors import NotAvailable

_LOG = "_delta_log"
_COMMIT = re.compile(r"(\d{20})\.json")
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint\.parquet")
_PIN = re.compile(r"([a-z_]+)@(\d+)")


def lake_files(lake: Path) -> Iterator[tuple[str, Path]]:
    """Yield each file's name relative to the lake, and its path. Raises NotAvailable when a log has a gap."""
    if not lake.is_dir():
        return
    for workspace in sorted(lake.iterdir()):
        versions: dict[str, int] = {}
        for table in sorted(path for path in workspace.glob("*") if (path / _LOG).is_dir()):
            newest = _newest(table)
            if newest is not None:
                versions[table.name] = newest
                yield from _table_files(lake, table, newest)
        for pin in sorted(workspace.glob("pins/*")):
            match = _PIN.fullmatch(pin.name)
            if match and int(match[2]) <= versions.get(match[1], 0):
                yield str(pin.relative_to(lake)), pin


def _newest(table: Path) -> int | None:
    return max((int(match[1]) for match in _named(table, _COMMIT)), default=None)


def _table_files(lake: Path, table: Path, newest: int) -> Iterator[tuple[str, Path]]:
    seen: set[str] = set()
    for version in range(newest + 1):
        commit = table / _LOG / f"{version:020}.json"
        try:
            actions = commit.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError as error:
            raise NotAvailable(f"{commit} is missing: the table's history is not whole, no backup was made") from error
        for action in actions:
            added = json.loads(action).get("add") if action.strip() else None
            name = unquote(added["path"]) if added else None
            if name is not None and name not in seen:
                seen.add(name)
                path = (table / name).resolve()
                if not path.is_relative_to(table.resolve()):
                    raise NotAvailable(f"{commit} names {name!r}, which is outside of its table: no backup was made")
                yield str((table / name).relative_to(lake)), table / name
    # The files first, then the log that names them, oldest version first.
    for version in range(newest + 1):
        commit = table / _LOG / f"{version:020}.json"
        yield str(commit.relative_to(lake)), commit
    for match in _named(table, _CHECKPOINT):  # they make a long log quick to open
        if int(match[1]) <= newest:
            path = table / _LOG / match[0]
            yield str(path.relative_to(lake)), path


def _named(table: Path, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
    names = sorted(path.name for path in (table / _LOG).iterdir())
    return (match for match in map(pattern.fullmatch, names) if match)
