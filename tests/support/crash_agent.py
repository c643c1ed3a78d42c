"""The agent of the crash tests: its steps leave messages in the world outside, buy answers, wait, or kill themselves."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tieout.errors import NotFound
from tieout.model import JoinPolicy, ModelMessage, Plan, RunRequest, StepSpec, Wait, WaitKind
from tieout.ports import Agent, StepContext, StepOutcome

DIAMOND: Mapping[str, tuple[str, ...]] = {
    "begin": (),
    "left": ("begin",),
    "right": ("begin",),
    "end": ("left", "right"),
}
DRAFT = "d" * 64
_together: dict[str, threading.Barrier] = {}
_guard = threading.Lock()


def plan(request: RunRequest) -> Plan:
    """Plan the shape that the request names; each step sends, unless the request names its action."""
    shape = request.params.get("shape", DIAMOND)
    actions = request.params.get("actions", {})
    policies = request.params.get("policies", {})
    attempts = int(request.params.get("attempts", 5))
    steps = [
        StepSpec(
            key,
            actions.get(key, "send"),
            tuple(after),
            max_attempts=attempts,
            on_failed=JoinPolicy(policies.get(key, "fail")),
        )
        for key, after in shape.items()
    ]
    return Plan("crash", "1", tuple(steps))


def plan_of_version_2(request: RunRequest) -> Plan:
    """Plan otherwise than version 1 did."""
    return Plan("crash", "2", (StepSpec("all", "send_all"),))


def send(context: StepContext) -> StepOutcome:
    """Send one message; what the steps before returned goes into it."""
    # Not what `inputs` holds just now: a message that is computed again after a crash must be the same.
    message = {"run": context.run.id, "step": context.step.key}
    return StepOutcome({"receipt": dict(context.deliver("message", "world", message))})


def together(context: StepContext) -> StepOutcome:
    """Return at the same moment as the step's sibling, as far as both run in this process."""
    with _guard:
        barrier = _together.setdefault(context.run.id, threading.Barrier(2))
    with suppress(threading.BrokenBarrierError):
        barrier.wait(0.05)
    return StepOutcome({})


def park(context: StepContext) -> StepOutcome:
    """Work until told to go on or to stop; then return what there is."""
    folder = Path(context.run.request.params["folder"])
    (folder / f"parked {context.step.key}").touch()
    while not (folder / "go").exists():
        if context.cancelled():
            return StepOutcome({"partial": True})
        time.sleep(0.02)
    return send(context)


def die(context: StepContext) -> StepOutcome:
    """Kill the process."""
    os.kill(os.getpid(), signal.SIGKILL)
    return StepOutcome({})


def buy(context: StepContext) -> StepOutcome:
    """Buy an answer."""
    answer = context.call_model("draft", [ModelMessage("user", "How much?")], max_tokens=100)
    return StepOutcome({"answer": answer.text})


def ask(context: StepContext) -> StepOutcome:
    """Ask for an approval; send when it is given."""
    if "publish" not in context.signals:
        return StepOutcome({}, waits=(Wait(WaitKind.APPROVAL, "publish", draft_sha256=DRAFT),))
    if context.signals["publish"]["decision"] != "approved":
        return StepOutcome({"approved": False})
    return send(context)


def sleep(context: StepContext) -> StepOutcome:
    """Wait for a time, then send."""
    if "nap" not in context.signals:
        return StepOutcome({}, waits=(Wait(WaitKind.TIMER, "nap", until=datetime.now(UTC) + timedelta(seconds=0.3)),))
    return send(context)


def spread(context: StepContext) -> StepOutcome:
    """Add steps that send."""
    return StepOutcome({}, spawn=tuple(StepSpec(f"side_{number}", "send", max_attempts=5) for number in range(4)))


_ACTIONS = {action.__name__: action for action in (send, together, park, die, buy, ask, sleep, spread)}
_VERSIONS = {
    "1": Agent("crash", "1", "Leaves messages outside.", plan, _ACTIONS),
    "2": Agent("crash", "2", "Leaves them otherwise.", plan_of_version_2, {"send": send, "send_all": send}),
}


class Agents:
    """The one agent, of a version."""

    def __init__(self, version: str = "1") -> None:
        self._agent = _VERSIONS[version]

    def get(self, name: str) -> Agent:
        """Return the agent. Raises NotFound."""
        if name != "crash":
            raise NotFound(f"there is no agent {name!r}")
        return self._agent

    def __iter__(self) -> Iterator[Agent]:
        return iter([self._agent])
