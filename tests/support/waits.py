"""Short ways to say what a step of a test waits for."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.support.run_store import NOW, SINGLE, start, take
from tieout.model import Plan, Run, RunRequest, Wait, WaitKind
from tieout.ports import RunStore

DRAFT = "d" * 64
OTHER_DRAFT = "e" * 64


def timer(name: str, until: datetime) -> Wait:
    """Return a wait for a time."""
    return Wait(WaitKind.TIMER, name, until=until)


def approval(name: str = "publish", **fields: Any) -> Wait:
    """Return a wait for somebody's consent to `DRAFT`."""
    return Wait(WaitKind.APPROVAL, name, **{"draft_sha256": DRAFT, **fields})


def outside(name: str, **fields: Any) -> Wait:
    """Return a wait for an outside event."""
    return Wait(WaitKind.EVENT, name, **fields)


def sub_run(name: str = "child", shape: Plan = SINGLE, **fields: Any) -> Wait:
    """Return a wait for the end of a run of its own."""
    return Wait(WaitKind.RUN, name, request=RunRequest("and this?"), plan=shape, **fields)


def decision(name: str) -> Wait:
    """Return a wait for a person who finds out about an effect."""
    return Wait(WaitKind.EFFECT, name, note="did it arrive?")


def ask(store: RunStore, *waits: Wait, run: Run | None = None, key: str = "only") -> Run:
    """Let a step wait; return its run."""
    run = run or start(store)
    store.suspend_step(take(store, run, key), waits, {"half": True}, now=NOW)
    return run


def signals(store: RunStore, run: Run, key: str = "only") -> dict[str, str]:
    """Claim the step; return how its waits ended."""
    claimed = take(store, run, key)
    return {name: signal["decision"] for name, signal in claimed.step.signals.items()}
