"""The agent of the soak: seeded shapes whose steps take a moment, tell, spawn, and send messages to the world outside."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from tieout.model import Plan, RunRequest, StepSpec
from tieout.ports import Agent, StepContext, StepOutcome

KINDS = ("chain", "diamond", "fan", "join")
_ATTEMPTS = 1_000  # a step may be killed as often as the soak likes: it must end all the same
_LIMIT_S = 60.0


def request_of(seed: int) -> RunRequest:
    """Return the request of a run, all of it decided by the seed."""
    chosen = random.Random(seed)
    params = {"kind": chosen.choice(KINDS), "size": chosen.randint(1, 8), "seed": seed}
    return RunRequest(f"soak {seed}", agent="soak", params=params, idempotency_key=f"soak-{seed}")


def shape(kind: str, size: int) -> Mapping[str, tuple[str, ...]]:
    """Return what each step waits for."""
    if kind == "chain":
        keys = [f"link_{number}" for number in range(size + 1)]
        return {key: tuple(keys[number - 1 : number]) for number, key in enumerate(keys)}
    middle = [f"side_{number}" for number in range(2 if kind == "diamond" else size)]
    if kind == "join":  # many beginnings, one end
        return {**dict.fromkeys(middle, ()), "end": tuple(middle)}
    return {"begin": (), **dict.fromkeys(middle, ("begin",)), "end": tuple(middle)}


def sends(kind: str, size: int, seed: int) -> frozenset[str]:
    """Return the steps of a run that send a message."""
    chosen = random.Random(seed)
    return frozenset(key for key in shape(kind, size) if chosen.random() < 0.5)


def plan(request: RunRequest) -> Plan:
    """Plan the shape of the request."""
    kind, size, seed = (request.params[name] for name in ("kind", "size", "seed"))
    sending = sends(kind, size, seed)
    steps = (
        StepSpec(key, "send" if key in sending else "work", after, max_attempts=_ATTEMPTS, timeout_s=_LIMIT_S)
        for key, after in shape(kind, size).items()
    )
    return Plan("soak", "1", tuple(steps))


def effects_of(run_id: str, request: RunRequest) -> frozenset[str]:
    """Return the keys under which the world must have got exactly one message each, when the run is done."""
    kind, size, seed = (request.params[name] for name in ("kind", "size", "seed"))
    return frozenset(f"{run_id}/{key}/message" for key in sends(kind, size, seed))


def work(context: StepContext) -> StepOutcome:
    """Take a moment, and say so."""
    _take_a_moment(context)
    context.emit("worked", attempt=context.step.attempt)
    return StepOutcome({"read": sorted(context.inputs)})


def send(context: StepContext) -> StepOutcome:
    """Send one message to the world between two moments."""
    _take_a_moment(context)
    receipt = context.deliver("message", "world", {"run": context.run.id, "step": context.step.key})
    _take_a_moment(context)
    return StepOutcome({"receipt": dict(receipt)})


def _take_a_moment(context: StepContext) -> None:
    time.sleep(random.Random(f"{context.step.id} {context.step.attempt}").random() * 0.02)


SOAK = Agent(
    "soak", "1", "Leaves messages outside, whatever happens to its process.", plan, {"work": work, "send": send}
)


def with_channel(parts: Any, channel: Any) -> Any:
    """Return the parts with the channel to the world."""
    return replace(parts, channels={**parts.channels, channel.name: channel})
