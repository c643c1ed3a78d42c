"""Sends a message as an effect: intent committed before, receipt recorded after, and never blindly twice."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from tieout.errors import EffectDropped, OutcomeUnknown, ProviderRefused, RateLimited, StaleFence
from tieout.insistence import insist
from tieout.model import Wait, WaitKind
from tieout.ports import Channel, Claimed, Effect, RunStore

ARRIVED, RESEND, DROP = "arrived", "resend", "drop"
EFFECT_DECISIONS = (ARRIVED, RESEND, DROP)
_PROMPT_S = 0.5  # a process that took longer from its intent to the sending may have been taken for dead


class NeedsDecision(Exception):
    """Nobody but a person can find out whether the effect arrived. `wait` is what the step waits for."""

    def __init__(self, wait: Wait) -> None:
        super().__init__(wait.note)
        self.wait = wait


def effect_name(claimed: Claimed, key: str) -> str:
    """Return the effect's unique key: by run, step and `key`; a step replayed with re-delivery has others."""
    generation = f"#{claimed.step.generation}" if claimed.step.generation else ""
    return f"{claimed.run.id}/{claimed.step.key}{generation}/{key}"


def deliver(
    store: RunStore,
    claimed: Claimed,
    channel: Channel,
    key: str,
    message: Mapping[str, Any],
    *,
    clock: Callable[[], datetime],
    pauses_s: Sequence[float] = (),
) -> Mapping[str, Any]:
    """Return the receipt of the message, which is sent unless it was before.

    `pauses_s` are the seconds between tries to record what came of it.

    Raises NeedsDecision, EffectDropped, StaleFence, Conflict (another message under the same key), and what the
    channel raises: after ProviderRefused and RateLimited nothing was sent, after any other error the next attempt asks
    the channel.
    """
    name = effect_name(claimed, key)
    text = json.dumps(message, sort_keys=True, allow_nan=False)
    intent = {"channel": channel.name, "sha256": hashlib.sha256(text.encode()).hexdigest()}
    began = time.monotonic()
    effect = store.begin_effect(claimed, name, "delivery", intent, now=clock())
    if effect.outcome is not None:
        return _receipt(effect.outcome)
    if not effect.fresh:
        found = _reconciled(store, claimed, channel, effect, message, clock)
        if found is not None:
            return found
        began = time.monotonic()
        effect = store.begin_effect(claimed, name, "delivery", intent, now=clock(), max_attempts=effect.attempts + 1)
        if effect.outcome is not None:
            return _receipt(effect.outcome)
    if time.monotonic() - began > _PROMPT_S and not store.holds_claim(claimed):
        raise StaleFence(f"step {claimed.step.key!r} was claimed anew before its message was sent; it is not sent here")
    try:
        receipt = dict(channel.send(name, message))
    except (ProviderRefused, RateLimited):
        insist(lambda: store.withdraw_effect(name, now=clock()), pauses_s, effect=name)
        raise
    insist(lambda: store.finish_effect(name, {"receipt": receipt}, now=clock()), pauses_s, effect=name)
    return receipt


def _reconciled(
    store: RunStore,
    claimed: Claimed,
    channel: Channel,
    effect: Effect,
    message: Mapping[str, Any],
    clock: Callable[[], datetime],
) -> Mapping[str, Any] | None:
    """Return the receipt of a message that was sent before, or None when it may be sent now."""
    try:
        found = channel.look_up(effect.key, message)
    except OutcomeUnknown as error:
        return _decided(store, claimed, channel, effect, str(error), clock)
    if found is None:
        return None
    store.finish_effect(effect.key, {"receipt": dict(found), "reconciled": True}, now=clock())
    return dict(found)


def _decided(
    store: RunStore, claimed: Claimed, channel: Channel, effect: Effect, why: str, clock: Callable[[], datetime]
) -> Mapping[str, Any] | None:
    """Do as a person decided about this very attempt. Raises NeedsDecision when nobody has."""
    asked = f"{effect.key}@{effect.attempts}"
    signal = claimed.step.signals.get(asked)
    if signal is None or signal["decision"] not in EFFECT_DECISIONS:
        note = f"Whether {effect.key} arrived in {channel.name} is not known ({why}). Look there, then decide."
        raise NeedsDecision(Wait(WaitKind.EFFECT, asked, note=note))
    if signal["decision"] == DROP:
        raise EffectDropped(f"{signal['by']} decided that {effect.key} is not to be sent")
    if signal["decision"] == RESEND:
        return None
    store.finish_effect(effect.key, {"receipt": {}, "decided_by": signal["by"]}, now=clock())
    return {}


def _receipt(outcome: Mapping[str, Any]) -> Mapping[str, Any]:
    receipt: Mapping[str, Any] = outcome["receipt"]
    return receipt
