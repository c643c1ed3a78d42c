"""What the contract tests of run stores share: who asks, shapes of plans, and short ways to begin and to look."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

from tieout.model import JoinPolicy, Plan, Principal, Run, RunRequest, StepSpec
from tieout.ports import Claimed, RunStore

NOW = datetime(2026, 3, 1, 9, 30, 0, 123456, tzinfo=UTC)
LATER = NOW + timedelta(seconds=5)
MUCH_LATER = NOW + timedelta(hours=1)
ANN = Principal("ann", "desk")
BEN = Principal("ben", "desk")
EVE = Principal("eve", "elsewhere")
ALIVE: Callable[[str], bool] = lambda owner: True  # noqa: E731


def plan(**after: tuple[str, ...]) -> Plan:
    """Return a plan of steps, each with the keys it waits for."""
    return Plan("toy", "1", tuple(StepSpec(key, "work", waits) for key, waits in after.items()))


def planned(*specs: StepSpec) -> Plan:
    """Return a plan of these steps."""
    return Plan("toy", "1", specs)


def step(key: str, *after: str, **fields: Any) -> StepSpec:
    """Return a step that is tried once."""
    return StepSpec(key, "work", after, **{"max_attempts": 1, **fields})


def skip(key: str, *after: str, **fields: Any) -> StepSpec:
    """Return a step that runs with those of its parents that have a result."""
    return step(key, *after, on_failed=JoinPolicy.SKIP, **fields)


def quorum(wanted: int, key: str, *after: str, **fields: Any) -> StepSpec:
    """Return a step that runs when so many of its parents have a result."""
    return step(key, *after, on_failed=JoinPolicy.QUORUM, quorum=wanted, **fields)


CHAIN = plan(first=(), second=("first",), third=("second",))
DIAMOND = plan(split=(), left=("split",), right=("split",), join=("left", "right"))
SINGLE = plan(only=())


def start(store: RunStore, shape: Plan = SINGLE, who: Principal = ANN, **fields: Any) -> Run:
    """Create a run."""
    return store.create_run(who, RunRequest("why?", **fields), shape, now=NOW)


def _asker(run: Run) -> Principal:
    return Principal(run.principal, run.workspace)


def step_id(store: RunStore, run: Run, key: str) -> str:
    """Return the id of a step of the run."""
    return next(one.id for one in store.steps(_asker(run), run.id) if one.key == key)


def take(store: RunStore, run: Run, key: str, *, owner: str = "me", now: datetime = NOW) -> Claimed:
    """Claim a step, which must be to be had."""
    store.promote_due(now=now)
    claimed = store.claim_step(step_id(store, run, key), owner, lease_s=30, now=now)
    assert claimed is not None, f"{key} is not to be had: {states(store, run)}"
    return claimed


def do(store: RunStore, run: Run, *keys: str, spawn: Sequence[StepSpec] = (), now: datetime = NOW) -> list[str]:
    """Claim and complete steps; return the keys of those that became ready by the last one."""
    opened: list[str] = []
    for key in keys:
        opened = opened_keys(store, run, store.complete_step(take(store, run, key, now=now), {}, now=now, spawn=spawn))
    return opened


def kill(store: RunStore, run: Run, *keys: str, now: datetime = NOW) -> list[str]:
    """Claim steps and let them die; return the keys of those that became ready by the last one."""
    opened: list[str] = []
    for key in keys:
        ended = store.fail_step(take(store, run, key, now=now), "broken", retry_at=None, now=now)
        opened = opened_keys(store, run, ended)
    return opened


def opened_keys(store: RunStore, run: Run, opened: Sequence[Any]) -> list[str]:
    """Return the keys of steps of the run."""
    by_id = {one.id: one.key for one in store.steps(_asker(run), run.id)}
    return [by_id[ready.step_id] for ready in opened]


def states(store: RunStore, run: Run) -> dict[str, str]:
    """Return the states of the run's steps by their keys."""
    return {one.key: one.state.value for one in store.steps(_asker(run), run.id)}


def state(store: RunStore, run: Run) -> str:
    """Return the run's state."""
    return store.get_run(_asker(run), run.id).state.value


def kinds(store: RunStore, run: Run) -> list[str]:
    """Return the kinds of the run's events."""
    return [event.kind for event in store.events(_asker(run), run.id)]


def together(pool: ThreadPoolExecutor, *calls: Callable[[], Any]) -> list[Any]:
    """Do the calls at the same moment, each in its thread; return results and errors in their order."""
    barrier = Barrier(len(calls))

    def one(call: Callable[[], Any]) -> Any:
        barrier.wait()
        try:
            return call()
        except Exception as error:
            return error

    return list(pool.map(one, calls))
