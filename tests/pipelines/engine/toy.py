"""A toy agent whose steps leave witness in a file, and a process that drives one run of it."""

import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipelines.engine.brokers import in_process_broker, redis_broker
from pipelines.engine.drive import run_until_final
from pipelines.engine.engine import DramatiqEngine
from pipelines.engine.liveness import FileLiveness, LeaseLiveness
from store.database import open_database
from store.runs import SqlRunStore
from tieout.backoff import Backoff
from tieout.errors import InvalidInput, NeedsAnswer, NotFound
from tieout.execution import Executor
from tieout.model import Plan, Principal, RunRequest, StepSpec, new_id
from tieout.ports import Agent, Parts, RunStore, StepOutcome

ANN = Principal("ann", "desk")
QUICK = Backoff(first_s=0.01, provider_first_s=0.01, settle_s=(0.05,))
FIVE: dict[str, tuple[str, ...]] = {"plan": (), "facts": ("plan",), "spans": ("plan",), "write": ("facts", "spans")}
FIVE["render"] = ("write",)


class Parked(threading.Event):
    """Set to let `park` steps go on."""


PARKED = Parked()


def witness(context: Any, what: str) -> None:
    """Append a line to the file outside that nobody rolls back."""
    with Path(context.run.request.params["witness"]).open("ab", buffering=0) as file:
        file.write(f"{what} {context.run.id} {context.step.key}\n".encode())


def work(context: Any) -> StepOutcome:
    """Do a step; the one named `hang_at` hangs the first time, until its process is killed."""
    params = context.run.request.params
    mark = Path(params["witness"] + ".hung")
    if params.get("hang_at") == context.step.key and not mark.exists():
        mark.touch()
        witness(context, "hung")
        time.sleep(600)
    witness(context, "did")
    return StepOutcome({"read": sorted(context.inputs)}, result={context.step.key: True})


def swell(context: Any) -> StepOutcome:
    """Return more than a page of a database holds."""
    return StepOutcome({"text": "x" * 200_000})


def flaky(context: Any) -> StepOutcome:
    """Fail twice, then succeed."""
    if context.step.attempt < 3:
        raise RuntimeError(f"attempt {context.step.attempt}")
    return work(context)


def bad(context: Any) -> StepOutcome:
    """Fail in a way that trying again does not change."""
    raise InvalidInput("there is no such day")


def ask(context: Any) -> StepOutcome:
    """Ask back."""
    raise NeedsAnswer("which Apple?")


def park(context: Any) -> StepOutcome:
    """Wait until the test says so, or the step is cancelled."""
    witness(context, "parked")
    while not PARKED.wait(0.01):
        if context.cancelled():
            witness(context, "saw_cancel")
            break
    return work(context)


def plan(request: RunRequest) -> Plan:
    """Plan what the request's parameters say."""
    shape: Mapping[str, Any] = request.params.get("shape", FIVE)
    actions: Mapping[str, str] = request.params.get("actions", {})
    limits: Mapping[str, float] = request.params.get("limits", {})
    steps = [
        StepSpec(key, actions.get(key, "work"), tuple(after), timeout_s=limits.get(key, 600.0))
        for key, after in shape.items()
    ]
    return Plan("toy", "1", tuple(steps))


TOY = Agent(
    "toy",
    "1",
    "Leaves witness.",
    plan,
    {"work": work, "swell": swell, "flaky": flaky, "bad": bad, "ask": ask, "park": park},
)


class Toys:
    """The agents of this installation."""

    def get(self, name: str) -> Agent:
        if name != "toy":
            raise NotFound(f"there is no agent {name!r}")
        return TOY

    def __iter__(self) -> Iterator[Agent]:
        return iter([TOY])


def parts(**given: Any) -> Parts:
    """Return parts of which only the given ones exist."""
    nothing: Any = None
    return Parts(**{"library": nothing, "registry": nothing, "lake": nothing, "blobs": nothing, **given})


def build(store: RunStore, redis_url: str | None = None, folder: Path | None = None, **options: Any) -> DramatiqEngine:
    """Join an engine."""
    broker = redis_broker(redis_url) if redis_url else in_process_broker()
    liveness = FileLiveness(folder) if folder else LeaseLiveness()
    executor = Executor(store, Toys(), parts(), backoff=QUICK)
    return DramatiqEngine(broker, store, executor, new_id("owner"), liveness=liveness, **options)


def main(url: str, redis_url: str, folder: str, run_id: str) -> int:
    """Drive one run to its end and say how it ended."""
    store = SqlRunStore(open_database(url))
    engine = build(store, None if redis_url == "-" else redis_url, Path(folder))
    print("started", os.getpid(), flush=True)
    try:
        run = run_until_final(store, engine, ANN, run_id, timeout_s=120)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
        return 130
    print(run.state.value, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
