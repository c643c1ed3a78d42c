"""Buys a model's answer as an effect: intent and charge committed before, the answer recorded after."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog

from tieout.codec import dump, load
from tieout.delivery import effect_name
from tieout.errors import InvalidInput, NotAvailable, ProviderError, ProviderRefused, StepCancelled, TieoutError
from tieout.insistence import insist
from tieout.model import ModelAnswer, ModelMessage, Usage
from tieout.ports import Budget, Claimed, ModelProvider, RunStore

_TELL_EVERY_S = 0.2  # pieces of a streamed answer become at most five events a second
_LONGEST_KEY = 128
_ATTEMPTS = 2  # a call whose outcome is unknown is repeated once
_log = structlog.get_logger(__name__)


def call_model(
    store: RunStore,
    claimed: Claimed,
    model: ModelProvider | None,
    key: str,
    messages: Sequence[ModelMessage],
    *,
    max_tokens: int,
    budget: Budget,
    clock: Callable[[], datetime],
    cancelled: Callable[[], bool] = lambda: False,
    pauses_s: Sequence[float] = (),
) -> ModelAnswer:
    """Return the answer to these messages; one that was recorded before is not bought again.

    The effect is named by run, step, `key` and the messages, so other messages are another call. An attempt
    whose outcome nobody knows stays charged with its estimate. Raises NotAvailable (no model), BudgetExceeded
    (the call is not made), StaleFence, StepCancelled (in the middle of an answer, which stays charged),
    ProviderUnavailable, ProviderRefused, ProviderError.
    """
    if model is None:
        raise NotAvailable("no model is configured: set TIEOUT_MODEL and TIEOUT_MODEL_BASE_URL")
    if not (key.isprintable() and 0 < len(key) <= _LONGEST_KEY):
        raise InvalidInput(f"a model call needs a key of 1 to {_LONGEST_KEY} printable characters within its step")
    digest = hashlib.sha256(json.dumps([dump(message) for message in messages]).encode()).hexdigest()
    effect_key = effect_name(claimed, f"{key}/{digest[:16]}")
    estimate = model.estimate(messages, max_tokens)
    effect = store.begin_effect(
        claimed,
        effect_key,
        "model_call",
        {"messages_sha256": digest},
        now=clock(),
        estimate=replace(estimate, calls=max(1, estimate.calls)),
        budget=budget,
        max_attempts=_ATTEMPTS,
    )
    if effect.outcome is not None:
        return _recorded(effect.outcome)
    if not effect.fresh:
        raise ProviderError(
            f"the model call {key!r} of step {claimed.step.key!r} was made {effect.attempts} times and its outcome is "
            "not known; it is charged as spent and not made again. Check the provider, then ask in a new run",
            effect=effect_key,
        )
    teller = _Teller(store, claimed, key, clock, cancelled)
    answer = _buy(store, model, effect_key, messages, max_tokens, clock, teller)
    outcome = {"answer": dump(answer)}
    # A paid answer is not thrown away because the database is away for a moment: `pauses_s` in seconds.
    insist(
        lambda: store.finish_effect(effect_key, outcome, now=clock(), usage=answer.usage), pauses_s, effect=effect_key
    )
    return answer


def _buy(
    store: RunStore,
    model: ModelProvider,
    effect_key: str,
    messages: Sequence[ModelMessage],
    max_tokens: int,
    clock: Callable[[], datetime],
    teller: _Teller,
) -> ModelAnswer:
    try:
        answer = model.complete(messages, max_tokens=max_tokens, on_text=teller.hear)
    except ProviderError as error:
        _record_failure(store, effect_key, error, clock)
        raise
    teller.flush()
    return answer


def _record_failure(store: RunStore, effect_key: str, error: ProviderError, clock: Callable[[], datetime]) -> None:
    """Put what was truly spent in place of the estimate, when the provider says how much that is."""
    if "usage" not in error.details:
        return
    usage = load(Usage, error.details["usage"])
    if isinstance(error, ProviderRefused):
        outcome = {"error": error.message}  # an answer too: asking again would buy the same one
        store.finish_effect(effect_key, outcome, now=clock(), usage=usage)
    else:  # the provider recovers, or the operator mends a key or an address, and the call is made again
        store.withdraw_effect(effect_key, now=clock(), usage=usage)


def _recorded(outcome: Mapping[str, Any]) -> ModelAnswer:
    if "answer" not in outcome:
        raise ProviderRefused(str(outcome["error"]))
    return load(ModelAnswer, outcome["answer"])


class _Teller:
    """Turns streamed pieces into few events. A failure to tell never costs the answer that is being paid for."""

    def __init__(
        self,
        store: RunStore,
        claimed: Claimed,
        key: str,
        clock: Callable[[], datetime],
        cancelled: Callable[[], bool],
    ) -> None:
        self._cancelled = cancelled
        self._store = store
        self._claimed = claimed
        self._key = key
        self._clock = clock
        self._pieces: list[str] = []
        self._told_at = time.monotonic()
        self._silent = False

    def hear(self, piece: str) -> None:
        """Take a piece of the answer. Raises StepCancelled, which ends the call, when nobody wants it any more."""
        self._pieces.append(piece)
        if time.monotonic() - self._told_at >= _TELL_EVERY_S:
            self.flush()
            if self._cancelled():
                step = self._claimed.step.key
                raise StepCancelled(f"step {step!r} was cancelled in the middle of a model's answer")

    def flush(self) -> None:
        """Append what was heard as one event."""
        text, self._pieces, self._told_at = "".join(self._pieces), [], time.monotonic()
        if not text or self._silent:
            return
        step = self._claimed.step
        try:
            self._store.append_event(
                self._claimed.run.id,
                "model_wrote",
                {"key": self._key, "text": text},
                now=self._clock(),
                step=step.key,
                fence=(step.id, self._claimed.fence),
            )
        except TieoutError as error:
            self._silent = True
            _log.warning("model_text_dropped", run_id=self._claimed.run.id, step=step.key, reason=error.message)
