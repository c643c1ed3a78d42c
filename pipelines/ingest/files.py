"""Finds the files to ingest. Their names are data: shown escaped, kept as names, never used as paths again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.ingest.reader import KINDS, LARGEST
from tieout.errors import InvalidInput, RefusedFile

_MOST = 100_000


@dataclass(frozen=True)
class FoundFile:
    """A file to read, and its name among the files found with it."""

    path: Path
    name: str

    @property
    def own_name(self) -> str:
        """Return the name that the file itself has, without a number."""
        return printable(self.path.name)

    def read(self) -> bytes:
        """Return its bytes. Raises RefusedFile when it is gone, too large or may not be read."""
        try:
            if self.path.stat().st_size > LARGEST:
                raise RefusedFile(f"the file is larger than {LARGEST // 2**20} MB; split it first")
            return self.path.read_bytes()
        except OSError as error:
            raise RefusedFile(f"the file cannot be read: {error.strerror}") from error


def find_files(paths: Sequence[Path]) -> list[FoundFile]:
    """Return the files of all paths: a folder stands for the files of known kinds below it, hidden ones left out.

    Files of one name get ` (2)`, ` (3)` … in order of their paths. Raises InvalidInput when a path does not
    exist or nothing at all is found.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found.extend(sorted(_inside(path)))
        elif path.is_file():
            found.append(path)
        else:
            raise InvalidInput(f"there is no file or folder {printable(str(path))!r}")
    unique = list(dict.fromkeys(path.absolute() for path in found))
    if not unique:
        shown = ", ".join(printable(str(path)) for path in paths) or "nothing"
        raise InvalidInput(f"no document in {shown}; known kinds are {', '.join(sorted(KINDS))}")
    if len(unique) > _MOST:
        raise InvalidInput(f"{len(unique)} files are too many for one call; give at most {_MOST}")
    names: set[str] = set()
    result = []
    for path in unique:
        name = unused_name(printable(path.name), names)
        names.add(name)
        result.append(FoundFile(path, name))
    return result


def printable(name: str) -> str:
    """Return a file name with undecodable bytes, control and direction characters escaped, at most 255 long."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in name
    )[:255]


def _inside(folder: Path) -> list[Path]:
    return [
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in KINDS
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    ]


def unused_name(name: str, names: Collection[str]) -> str:
    """Return `name`, with ` (2)`, ` (3)` … before its ending when it is among `names`."""
    if name not in names:
        return name
    stem, dot, ending = name.rpartition(".")
    number = 2
    while (candidate := f"{stem} ({number}){dot}{ending}" if dot else f"{name} ({number})") in names:
        number += 1
    return candidate
