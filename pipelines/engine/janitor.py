"""Removes what is kept no longer, in a thread of its own, every so often while the service runs."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

_EVERY_S = 3600.0
_log = structlog.get_logger(__name__)


class Janitor:
    """Calls `clean` at the start and then every hour, until it is stopped. What it raises is logged."""

    def __init__(self, clean: Callable[[], object], *, every_s: float = _EVERY_S) -> None:
        self._clean = clean
        self._every_s = every_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tieout-janitor", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, *, timeout_s: float = 10.0) -> None:
        """Stop it; a cleaning that is under way goes on for `timeout_s` seconds at most, then ends with the process."""
        self._stopping.set()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                _log.info("old_runs_removed", outcome=self._clean())
            except Exception as error:
                _log.warning("old_runs_not_removed", reason=f"{type(error).__name__}: {error}")
            self._stopping.wait(self._every_s)
