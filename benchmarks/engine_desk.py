"""What the engine's benchmarks share: agents whose steps do nothing (or hang), and desks over the real wiring."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog

sys.path.insert(0, str(Path(__file__).parents[1]))

from pipelines.agents.discover import AgentCatalogue
from tieout import bootstrap
from tieout.application import Application
from tieout.model import Plan, Principal, Run, RunRequest, StepSpec, WorkerKind
from tieout.ports import Agent, StepContext, StepOutcome
from tieout.settings import Settings, read_settings

OWNER = Principal("benchmark", "default")
WIDTH = 8  # steps between the first and the last of a fan
PATIENCE_S = 300.0

Shape = Mapping[str, tuple[str, ...]]  # what each step waits for
FAN: Shape = {
    "first": (),
    **{f"work_{number}": ("first",) for number in range(WIDTH)},
    "last": tuple(f"work_{number}" for number in range(WIDTH)),
}
# As a research run, with all that it may come to do.
RESEARCH: Shape = {
    "resolve": (),
    "fundamentals": ("resolve",),
    "market": ("resolve",),
    "passages": ("resolve",),
    "compare": ("fundamentals", "market"),
    "outline": ("compare", "passages"),
    "write": ("outline",),
    "tie_out": ("write",),
    "revise": ("tie_out",),
    "charts": ("revise",),
    "notebook": ("revise",),
    "render": ("charts", "notebook"),
}
DIAMOND: Shape = {"begin": (), "left": ("begin",), "right": ("begin",), "end": ("left", "right")}
ONE: Shape = {"only": ()}
SHAPES = {"fan": FAN, "research": RESEARCH, "diamond": DIAMOND, "one": ONE}


def plan(request: RunRequest) -> Plan:
    """Plan the shape that the request names, each step with its action."""
    params = request.params
    shape = SHAPES[params.get("shape", "fan")]
    action = params.get("action", "nothing")
    return Plan("idle", "1", tuple(StepSpec(key, action, tuple(after)) for key, after in shape.items()))


def nothing(_: StepContext) -> StepOutcome:
    """Do nothing."""
    return StepOutcome({})


def stamp(_: StepContext) -> StepOutcome:
    """Return when the step began."""
    return StepOutcome({"began": time.time()})


def gather(context: StepContext) -> StepOutcome:
    """Tell and return as much as a small research step does."""
    context.emit("worked", found=3)
    return StepOutcome({"found": [{"name": "revenue", "value": "391035000000", "page": 31}] * 10})


def hang(context: StepContext) -> StepOutcome:
    """Leave a file with time and process; hang in the first attempt, until the process is killed."""
    again = context.step.attempt > 1
    leave(Path(context.run.request.params["again" if again else "hung"]), f"{time.time()} {os.getpid()}")
    if not again:
        time.sleep(PATIENCE_S)
    return StepOutcome({})


def leave(file: Path, text: str) -> None:
    """Write a small file so that nobody sees half of it."""
    fresh = file.with_suffix(".new")
    fresh.write_text(text)
    fresh.rename(file)


def await_file(file: Path) -> list[str]:
    """Return the words of a file once it is there; exit when it does not come."""
    deadline = time.monotonic() + PATIENCE_S
    while not file.exists():
        if time.monotonic() > deadline:
            sys.exit(f"nothing left {file} within {PATIENCE_S:.0f} s")
        time.sleep(0.002)
    return file.read_text().split()


IDLE = Agent(
    "idle",
    "1",
    "Does nothing, durably.",
    plan,
    {"nothing": nothing, "stamp": stamp, "gather": gather, "hang": hang},
)


def quiet() -> None:
    """Log warnings only, to standard error, as the service does: standard output is for numbers."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


@contextmanager
def open_desk(settings: Settings, *, work: bool, agents: Iterable[Agent] = (IDLE,)) -> Iterator[Application]:
    """Give a desk joined as every other one, except that its agents are the given ones."""
    bootstrap._agents = lambda: AgentCatalogue(agents)
    kind = WorkerKind.SERVICE if work else WorkerKind.COMMAND  # a command has no scheduler
    with bootstrap.open_desk(settings, work=work, kind=kind) as desk:
        yield desk


def embedded(folder: Path, workers: int = 4) -> Settings:
    """Return the settings of an embedded desk."""
    return read_settings(home=folder, profile="embedded", workers=workers)


def team(folder: Path, database_url: str, redis_url: str, workers: int = 8) -> Settings:
    """Return the settings of a desk over PostgreSQL and Redis."""
    given: dict[str, Any] = {"database_url": database_url, "redis_url": redis_url}
    return read_settings(home=folder, profile="team", workers=workers, **given)


def submit(desk: Application, shape: str = "fan", **params: Any) -> Run:
    """Start one run."""
    return desk.start_run(OWNER, RunRequest("nothing", agent=IDLE.name, params={"shape": shape, **params}))


def finish(desk: Application, run_ids: Iterable[str]) -> list[Run]:
    """Wait until all runs are final and return them; exit when one did not end as done or time runs out."""
    finished, deadline = [], time.monotonic() + PATIENCE_S
    for run_id in reversed(list(run_ids)):  # the last one first: who waits for it is not woken by the others
        run = desk.wait(OWNER, run_id, timeout_s=max(0.0, deadline - time.monotonic()))
        if not run.state.final:
            sys.exit(f"run {run.id} did not end within {PATIENCE_S:.0f} s: {run}")
        if run.state != "done":
            sys.exit(f"run {run.id} ended as {run.state}: {run.error}")
        finished.append(run)
    return finished


def outputs(desk: Application, run_id: str) -> dict[str, Mapping[str, Any]]:
    """Return the outputs of a run's steps, by key."""
    return {step.key: step.output or {} for step in desk.store.steps(OWNER, run_id)}


def percentile(values: Iterable[float], share: float) -> float:
    """Return the value below which `share` of the values lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
