"""Drives one run to its end in this process, for commands that run without a service."""

from __future__ import annotations

import time

from pipelines.engine.engine import DramatiqEngine
from tieout.errors import StorageFull
from tieout.model import Principal, Run
from tieout.ports import RunStore

_LOOK_S = 0.5  # what other processes commit is seen this late at the most
_GRACE_S = 2.0  # for running steps when the wait is broken off


def run_until_final(
    store: RunStore, engine: DramatiqEngine, principal: Principal, run_id: str, timeout_s: float | None = None
) -> Run:
    """Start the engine, wait until the run is final or the time is over, stop the engine, and return the run.

    Ctrl-C (KeyboardInterrupt) stops the engine and passes on: steps that did not finish are handed back, and the
    next start or `runs resume` goes on from there. Raises NotFound, and StorageFull when the disk is full: the run
    stands where it was and goes on at the next start.
    """
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    run_id = store.get_run(principal, run_id).id
    engine.start()
    try:
        seen = engine.changes.wait(-1, 0)
        while True:
            run = store.get_run(principal, run_id)
            left = _LOOK_S if deadline is None else min(_LOOK_S, deadline - time.monotonic())
            if run.state.final or left <= 0:
                return run
            if isinstance(engine.trouble, StorageFull):
                raise engine.trouble
            seen = engine.changes.wait(seen, left)
    finally:
        engine.stop(timeout_s=_GRACE_S)
