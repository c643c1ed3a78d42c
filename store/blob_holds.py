"""Keeps files from being deleted while a backup reads them: a mark in their folder, seen by every process.

A deletion removes the row first, then looks for a mark, then removes the file. A backup sets its mark first, then
takes its snapshot of the rows. So a file whose deletion saw no mark has no row in the snapshot. What is not deleted
for a mark's sake is swept when the mark is gone. A mark says until when it is good, so that a backup that was
killed holds nothing for ever.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tieout.errors import NotAvailable
from tieout.files import storage_error, write_atomically
from tieout.model import new_id

FOLDER = ".holds"
LIFETIME_S = 900.0  # since it was last renewed
_RENEW_S = 60.0


class Holds:
    """The marks of one folder. `clock` gives seconds since 1970."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder / FOLDER
        self._clock = clock

    @contextmanager
    def hold(self) -> Iterator[Callable[[], None]]:
        """Keep a mark for the length of the block; it gives the function that renews it, to be called now and then.

        Raises StorageFull, NotAvailable; renewing raises NotAvailable when the mark ran out, as files may be gone.
        """
        mark = self._folder / new_id("hold")
        renewed = self._clock()
        write_atomically(mark, str(renewed + LIFETIME_S).encode())

        def renew() -> None:
            nonlocal renewed
            now = self._clock()
            if now > renewed + LIFETIME_S:
                raise NotAvailable("the backup was held up for too long, and its files may be gone: start another")
            if now >= renewed + _RENEW_S:
                write_atomically(mark, str(now + LIFETIME_S).encode())
                renewed = now

        try:
            yield renew
        finally:
            with suppress(OSError):
                mark.unlink(missing_ok=True)

    def any(self) -> bool:
        """Return whether a mark is there that is still good."""
        try:
            return any(self._good(mark) for mark in self._folder.iterdir() if not mark.name.startswith("."))
        except FileNotFoundError:
            return False
        except OSError as error:
            raise storage_error(error, self._folder) from error

    def _good(self, mark: Path) -> bool:
        try:
            good = float(mark.read_text()) >= self._clock()
        except FileNotFoundError:
            return False
        except ValueError:
            return True  # not understood: better to keep a file too long
        if not good:
            mark.unlink(missing_ok=True)
        return good
