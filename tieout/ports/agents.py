"""What an agent is, and what its steps see and return."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from tieout.model import Artifact, ModelAnswer, ModelMessage, Plan, Principal, Run, RunRequest, RunState, Step
from tieout.ports.content import BlobStore
from tieout.ports.lake import Lake
from tieout.ports.models import ModelProvider
from tieout.ports.retrieval import Library, Registry


@dataclass(frozen=True)
class StepOutcome:
    """What an action returns: its output, and perhaps an end of the run.

    `run_state` needs_answer ends the run at once (the rest is cancelled); needs_review is how it ends when
    the last step is done. `result` is merged into the run's result.
    """

    output: Mapping[str, Any]
    run_state: RunState | None = None
    result: Mapping[str, Any] = field(default_factory=dict)


class StepContext(Protocol):
    """What an action sees: its run and step, earlier outputs, the parts, and a way to report and to pay."""

    principal: Principal
    run: Run
    step: Step
    inputs: Mapping[str, Mapping[str, Any]]
    parts: Parts

    def emit(self, kind: str, **data: Any) -> None:
        """Append an event to the run (fenced)."""
        ...

    def put_artifact(self, name: str, media_type: str, data: bytes) -> Artifact:
        """Keep a file of the run."""
        ...

    def call_model(self, key: str, messages: Sequence[ModelMessage], *, max_tokens: int) -> ModelAnswer:
        """Call the model as an effect: within budget, recorded, never bought twice when its answer arrived."""
        ...

    def cancelled(self) -> bool:
        """Whether the run was cancelled or the step claimed by another process."""
        ...


@dataclass(frozen=True)
class Parts:
    """The parts that actions work with, joined once in tieout/bootstrap.py."""

    library: Library
    registry: Registry
    lake: Lake
    blobs: BlobStore
    model: ModelProvider | None = None
    model_max_tokens: int = 4_000  # the longest answer to ask for
    originals: BlobStore | None = None  # the library's files; apart from `blobs`, which keep artifacts


Action = Callable[[Any], StepOutcome]  # called with a StepContext


@dataclass(frozen=True)
class Agent:
    """A kind of work: how it plans and what its steps do. One module in pipelines/agents exposes one."""

    name: str
    version: str
    summary: str
    plan: Callable[[RunRequest], Plan]
    actions: Mapping[str, Action]


class Agents(Protocol):
    """The agents that this installation has."""

    def get(self, name: str) -> Agent:
        """Return the agent. Raises NotFound naming those there are."""
        ...

    def __iter__(self) -> Iterator[Agent]: ...
