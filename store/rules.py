"""The rules that every run store keeps, whatever it keeps its rows in."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from typing import Any

from tieout.codec import dump
from tieout.errors import BudgetExceeded, Conflict, InvalidInput, NotFound, StaleFence
from tieout.model import JoinPolicy, Plan, Principal, Run, RunRequest, StepSpec, Usage, Wait, WaitKind
from tieout.ports import Budget, Claimed

_LONGEST_KEY = 128
_LONGEST_IDEMPOTENCY_KEY = 256
_LONGEST_ERROR = 8_000
_HIGHEST_PRIORITY = 100
_LONGEST_WAIT = 600
_MOST_SPAWNED = 10_000  # steps of one result


def check_request(request: RunRequest) -> None:
    """Raise InvalidInput for an idempotency key that no database keeps."""
    key = request.idempotency_key
    if key is not None and not (key.isprintable() and 0 < len(key) <= _LONGEST_IDEMPOTENCY_KEY):
        raise InvalidInput(
            f"an idempotency key is 1 to {_LONGEST_IDEMPOTENCY_KEY} printable characters, not {key!r:.80}"
        )
    if not -_HIGHEST_PRIORITY <= request.priority <= _HIGHEST_PRIORITY:
        raise InvalidInput(
            f"a priority is from -{_HIGHEST_PRIORITY} to {_HIGHEST_PRIORITY}, higher first, not {request.priority}"
        )


def error_text(error: str) -> str:
    """Return the text in characters that every database keeps, and not too many of them."""
    clean = error.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
    return clean if len(clean) <= _LONGEST_ERROR else clean[: _LONGEST_ERROR - 1] + "…"


def check_plan(plan: Plan) -> None:
    """Raise InvalidInput for a plan without steps, with a key twice, an unknown parent, or a circle."""
    keys = [step.key for step in plan.steps]
    if not keys:
        raise InvalidInput(f"the plan of agent {plan.agent!r} has no steps")
    if len(set(keys)) < len(keys):
        twice = sorted({key for key in keys if keys.count(key) > 1})
        raise InvalidInput(f"the plan of agent {plan.agent!r} has two steps named {', '.join(twice)}")
    for step in plan.steps:
        if unknown := sorted(set(step.after) - set(keys)):
            raise InvalidInput(f"step {step.key!r} waits for {', '.join(unknown)}, which the plan does not have")
        _check_spec(step)
    try:
        TopologicalSorter(parents(plan)).prepare()
    except CycleError as error:
        raise InvalidInput(f"the plan's steps wait for each other in a circle: {' → '.join(error.args[1])}") from error


def _check_spec(step: StepSpec) -> None:
    for word in (step.key, step.action, *((step.limit_key,) if step.limit_key is not None else ())):
        if not (word.isprintable() and 0 < len(word) <= _LONGEST_KEY):
            raise InvalidInput(
                f"a step's key, action and limit are 1 to {_LONGEST_KEY} printable characters, not {word!r:.80}"
            )
    if step.max_attempts < 1 or not step.timeout_s > 0:
        raise InvalidInput(f"step {step.key!r} needs at least one attempt and a time limit above zero")
    if step.on_failed is JoinPolicy.QUORUM and not step.quorum >= 1:
        raise InvalidInput(f"step {step.key!r} needs a quorum of at least 1")


def plain(specs: Sequence[StepSpec]) -> bool:
    """Return whether every dead step fails the run, as no step runs with fewer parents than it has."""
    return all(step.on_failed is JoinPolicy.FAIL for step in specs)


def check_spawn(spawn: Sequence[StepSpec], spawner: str, known: Mapping[str, str | None]) -> None:
    """Raise InvalidInput for steps that a result may not add; `known` are the run's keys and who spawned each."""
    if len(spawn) > _MOST_SPAWNED:
        raise InvalidInput(f"step {spawner!r} asks for {len(spawn)} steps; one result may add {_MOST_SPAWNED}")
    taken = [step.key for step in spawn if step.key in known and known[step.key] != spawner]
    if taken:
        raise InvalidInput(f"step {spawner!r} asks for steps that the run has already: {', '.join(taken[:5])}")
    inner = tuple(replace(step, after=tuple(key for key in step.after if key != spawner)) for step in spawn)
    if inner:
        check_plan(Plan("spawned", "", inner))


def check_waits(waits: Sequence[Wait]) -> None:
    """Raise InvalidInput for waits that could never end or that have one name twice."""
    names = [wait.name for wait in waits]
    if not names or len(set(names)) < len(names):
        raise InvalidInput("a step that waits names each thing it waits for once, and at least one")
    for wait in waits:
        check_name(wait.name, "the name of a wait")
        if wait.kind is WaitKind.TIMER and wait.until is None:
            raise InvalidInput(f"the timer {wait.name!r} has no time")
        if wait.kind is WaitKind.RUN:
            _check_sub_run(wait)
        if wait.kind is WaitKind.APPROVAL and not wait.draft_sha256:
            raise InvalidInput(f"the approval {wait.name!r} is bound to no draft: give its SHA-256")


def _check_sub_run(wait: Wait) -> None:
    if wait.request is None or wait.plan is None:
        raise InvalidInput(f"the sub-run {wait.name!r} has no request or no plan")
    if wait.request.idempotency_key is not None:
        raise InvalidInput(f"the sub-run {wait.name!r} has an idempotency key: it belongs to its step, and needs none")
    check_request(wait.request)
    check_plan(wait.plan)


def check_name(name: str, what: str, longest: int = _LONGEST_WAIT) -> None:
    """Raise InvalidInput for a name that not every database keeps."""
    if not (name.isprintable() and 0 < len(name) <= longest):
        raise InvalidInput(f"{what} is 1 to {longest} printable characters, not {name!r:.80}")


def parents(plan: Plan) -> Mapping[str, frozenset[str]]:
    """Return the keys that each step waits for."""
    return {step.key: frozenset(step.after) for step in plan.steps}


def same_request(run: Run, request: RunRequest) -> Run:
    """Return the run that stands under the request's idempotency key. Raises Conflict when it was asked otherwise."""
    if dump(run.request) != dump(request):
        raise Conflict(
            f"the idempotency key {request.idempotency_key!r} belongs to {run.id}, which was another request: "
            "use a new key",
            run=run.id,
        )
    return run


def check_same_effect(
    run_id: str,
    kind: str,
    intent: Mapping[str, Any],
    claimed: Claimed,
    key: str,
    wanted_kind: str,
    wanted: Mapping[str, Any],
) -> None:
    """Raise Conflict when `key` stands for something else."""
    if (run_id, kind, dict(intent)) != (claimed.run.id, wanted_kind, dict(wanted)):
        raise other_effect(key)


def other_effect(key: str) -> Conflict:
    """Return the error of a key that stands for something else."""
    return Conflict(
        f"the effect key {key!r} was used for something else; a step that asks differently needs another key", key=key
    )


def check_budget(used: Usage, estimate: Usage, budget: Budget, run_id: str) -> None:
    """Raise BudgetExceeded when `estimate` on top of `used` passes the budget."""
    after = used + estimate
    tokens = after.tokens_in + after.tokens_out
    if budget.tokens is not None and tokens > budget.tokens:
        raise BudgetExceeded(
            f"the call could bring {run_id} to {tokens} tokens, and its budget is {budget.tokens}: "
            "raise token_budget or ask for less",
            tokens=tokens,
            budget=budget.tokens,
        )
    if budget.money is not None and after.cost > budget.money:
        raise BudgetExceeded(
            f"the call could bring {run_id} to a cost of {after.cost}, and its budget is {budget.money}: "
            "raise money_budget or ask for less",
            cost=str(after.cost),
            budget=str(budget.money),
        )


def less(usage: Usage, other: Usage) -> Usage:
    """Return `usage - other`."""
    minus = replace(
        other, calls=-other.calls, tokens_in=-other.tokens_in, tokens_out=-other.tokens_out, cost=-other.cost
    )
    return usage + minus


def stale(step_id: str, fence: int) -> StaleFence:
    """Return the error of a write that came too late."""
    return StaleFence(
        f"step {step_id} was cancelled or claimed anew; this late write is dropped", step=step_id, fence=fence
    )


def lost_error(attempt: int, max_attempts: int, *, owner_is_dead: bool) -> str:
    """Say why a running step was taken from its process."""
    why = "its process ended" if owner_is_dead else "its process did not renew the lease"
    return f"{why} in attempt {attempt} of {max_attempts}"


def quorum_error(key: str, done: int, of: int, wanted: int) -> str:
    """Say why a join did not run."""
    return f"{done} of the {of} steps before {key!r} have a result, and it needs {wanted}"


def only_match(run_id: str, found: Sequence[str], principal: Principal) -> str:
    """Return the one id that a prefix stands for. Raises NotFound when there are none or several."""
    if not found or not run_id:
        raise NotFound(f"there is no run {run_id!r} in workspace {principal.workspace!r}: see `tieout runs list`")
    if len(found) > 1:
        raise NotFound(f"several runs begin with {run_id!r}: give more characters of the id")
    return found[0]


def json_text(value: Any) -> str:
    """Return JSON in ASCII. Raises TypeError or ValueError for what JSON cannot hold (NaN among them)."""
    return _ENCODER.encode(value) if value else json.dumps(value)


def json_object(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return the object as it comes back from JSON."""
    parsed: dict[str, Any] = json.loads(json_text(value))
    return parsed


def _plain(value: object) -> object:
    """Let read-only mappings pass as objects; everything else is the caller's mistake."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not a JSON value")


_ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"), default=_plain)
