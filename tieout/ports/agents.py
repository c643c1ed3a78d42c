"""What an agent is, and what its steps see and return."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from tieout.model import (
    Artifact,
    ModelAnswer,
    ModelMessage,
    Plan,
    Principal,
    Run,
    RunRequest,
    RunState,
    Step,
    StepSpec,
    Wait,
)
from tieout.ports.channels import Channel
from tieout.ports.content import BlobStore
from tieout.ports.lake import Lake
from tieout.ports.models import ModelProvider
from tieout.ports.retrieval import Library, Registry

if TYPE_CHECKING:
    from tieout.ports.conversations import ConversationStore
    from tieout.ports.desk import Desk


@dataclass(frozen=True)
class StepOutcome:
    """What an action returns: its output, and perhaps an end of the run.

    `run_state` needs_answer ends the run at once (the rest is cancelled); needs_review is how it ends when
    the last step is done. `result` is merged into the run's result. `spawn` adds steps that follow this one; all its
    successors wait for them, too. With `waits` the step is not done: its worker is freed, and the action is called
    again, with the context's `signals`, when all of them have ended; `output` is then in the context's step. A wait
    for a run names its request only; its agent plans it.
    """

    output: Mapping[str, Any]
    run_state: RunState | None = None
    result: Mapping[str, Any] = field(default_factory=dict)
    spawn: tuple[StepSpec, ...] = ()
    waits: tuple[Wait, ...] = ()


class StepContext(Protocol):
    """What an action sees: its run and step, earlier outputs, the parts, and a way to report and to pay."""

    principal: Principal
    run: Run
    step: Step
    inputs: Mapping[str, Mapping[str, Any]]
    signals: Mapping[str, Mapping[str, Any]]  # how each of its waits ended: kind, decision, by, at, payload
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

    def deliver(self, key: str, channel: str, message: Mapping[str, Any]) -> Mapping[str, Any]:
        """Send a message through a channel as an effect, once, and return its receipt.

        `key` names the message within the step. When it is not known whether it was sent, the channel is asked, and
        when that cannot tell, the step waits for a person. Raises NotFound (channel), ProviderError, EffectDropped.
        """
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
    channels: Mapping[str, Channel] = field(default_factory=dict)  # by name
    desk: Desk | None = None  # every use case, for an agent that acts as a door
    conversations: ConversationStore | None = None  # what is remembered of chats


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
