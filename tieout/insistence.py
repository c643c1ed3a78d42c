"""Tries a write to the state of record again while the trouble may pass: what it records has happened already."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import structlog

from tieout.errors import Conflict, InvalidInput, NotAvailable, NotFound, StaleFence, StorageFull, TieoutError

_log = structlog.get_logger(__name__)


def insist[T](write: Callable[[], T], pauses_s: Sequence[float], **about: str) -> T:
    """Return what `write` returns, trying again after each of the pauses (seconds) when the store cannot take it.

    `about` goes into the log. Raises at once what no other try would change (StaleFence, InvalidInput, NotFound),
    and in the end what the last try raised.
    """
    for pause_s in (*pauses_s, None):
        try:
            return write()
        except (StaleFence, InvalidInput, NotFound):
            raise
        except TieoutError as error:
            _log.warning("outcome_not_committed", reason=error.message, given_up=pause_s is None, **about)
            if pause_s is None:
                raise
            time.sleep(pause_s)
    raise AssertionError("unreachable")


def passes(error: Exception) -> bool:
    """Return whether the installation is in trouble that passes: a full disk, a database that is busy or away.

    A step that meets it has done nothing wrong.
    """
    return isinstance(error, StorageFull) or (isinstance(error, NotAvailable | Conflict) and error.retryable)
