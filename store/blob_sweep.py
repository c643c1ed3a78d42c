"""Removes files that no row names any more, while others write: mark and sweep, with a grace for what is new.

Bytes are put before the row that names them, so a file without a row may be about to get one. Putting bytes that are
there already makes their file new again, and a file is looked at once more after it was taken away from its place.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from store.blob_holds import Holds

GRACE_S = 3600.0  # between bytes and row; a step that takes longer puts its bytes at its end
_HASH = re.compile(r"[0-9a-f]{64}")
_ASIDE = ".swept-"

Named = Callable[[str, str], set[str]]  # the folder of a workspace, the first two digits → hashes that rows name


@dataclass
class Swept:
    """How many files were removed, and their bytes."""

    files: int = 0
    size: int = 0


def sweep(folder: Path, named: Named, *, grace_s: float = GRACE_S, dry_run: bool = False) -> Swept:
    """Remove what no row names and is older than the grace, and count it. Does nothing while a backup reads."""
    holds = Holds(folder)
    swept = Swept()
    old = time.time() - grace_s
    for bucket in _buckets(folder):
        wanted: set[str] | None = None
        for path in sorted(bucket.iterdir()):
            with suppress(FileNotFoundError):  # somebody else sweeps, too
                if path.stat().st_mtime >= old:
                    continue
                name = path.name.removeprefix(_ASIDE)
                if _HASH.fullmatch(name):
                    # Asked for anew after the file was seen to be old: whoever puts it from now on makes it new.
                    wanted = named(bucket.parent.name, bucket.name) if wanted is None else wanted
                    if name in wanted:
                        if path.name != name:
                            path.rename(bucket / name)  # a sweep was killed here
                        continue
                elif not name.startswith("."):
                    continue  # not ours
                if holds.any():
                    return swept
                size = path.stat().st_size
                if dry_run or _removed(path, bucket, name, named, old):
                    swept.files, swept.size = swept.files + 1, swept.size + size
    return swept


def _removed(path: Path, bucket: Path, name: str, named: Named, old: float) -> bool:
    """Take the file away from its place, look again, and remove it or put it back."""
    if not _HASH.fullmatch(name):
        path.unlink()
        return True
    aside = bucket / f"{_ASIDE}{name}"
    path.rename(aside)
    if aside.stat().st_mtime >= old or name in named(bucket.parent.name, bucket.name):
        if (bucket / name).exists():
            aside.unlink()
        else:
            aside.rename(bucket / name)
        return False
    aside.unlink()
    return True


def _buckets(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        return
    for workspace in sorted(folder.iterdir()):
        if workspace.is_dir() and not workspace.name.startswith("."):
            yield from (path for path in sorted(workspace.iterdir()) if path.is_dir() and len(path.name) == 2)
