"""Finds the desk of a data folder: the running service's, or one of our own for as long as it is needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tieout.runtime import Runtime, acquire_or_find, check_folder

if TYPE_CHECKING:
    from tieout.ports import Desk
    from tieout.settings import Settings


@contextmanager
def connect(settings: Settings, *, work: bool = False, lock_timeout_s: float = 2.0) -> Iterator[Desk]:
    """Give the desk of the settings' data folder for the length of the block.

    With `work`, unfinished runs are carried on meanwhile (a running service does so anyway). In the team
    profile every process opens the shared parts itself. Raises FolderLocked, NotAvailable.
    """
    from tieout.bootstrap import open_desk

    if settings.profile == "team":
        with open_desk(settings, work=work) as desk:
            yield desk
        return
    check_folder(settings.folder)
    found = acquire_or_find(settings.folder, timeout_s=lock_timeout_s)
    if isinstance(found, Runtime):
        from tieout.client import HttpDesk

        with HttpDesk(found.url, found.token, reports=settings.folder / "reports") as desk:
            yield desk
        return
    with open_desk(settings, work=work, lock=found) as desk:
        yield desk
