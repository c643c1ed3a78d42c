"""What a step may wait for without holding a worker: a time, an approval, an outside event, another run, a decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from tieout.model.runs import Plan, RunRequest


class WaitKind(StrEnum):
    """What ends a wait."""

    TIMER = "timer"  # its time
    APPROVAL = "approval"  # one of the approvers
    EVENT = "event"  # somebody outside who signals its name
    RUN = "run"  # the end of a sub-run
    EFFECT = "effect"  # a person who found out whether an effect of unknown outcome arrived


class WaitState(StrEnum):
    """open → decided, expired or cancelled; exactly one of them, once."""

    OPEN = "open"
    DECIDED = "decided"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Wait:
    """What an action asks to wait for. Its step is called again when all its waits have ended.

    `until` (UTC) is when a timer ends, and when any other wait expires (None: never). An approval is bound to
    `draft_sha256` and to `approvers` (ids of principals; empty: any member). A sub-run is `request` with the `plan`
    that its agent made of it.
    """

    kind: WaitKind
    name: str
    until: datetime | None = None
    draft_sha256: str | None = None
    approvers: tuple[str, ...] = ()
    note: str = ""
    request: RunRequest | None = None
    plan: Plan | None = None


@dataclass(frozen=True)
class OpenWait:
    """A wait as it stands in the state of record. `token` names it and is used up by the first decision."""

    token: str
    run_id: str
    step: str  # the step's key
    kind: WaitKind
    name: str
    state: WaitState
    asked_at: datetime
    until: datetime | None = None
    draft_sha256: str | None = None
    approvers: tuple[str, ...] = ()
    note: str = ""
    child_run: str | None = None
    decision: str | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)
