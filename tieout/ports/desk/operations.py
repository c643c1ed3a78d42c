"""The use cases of operating runs as the doors see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from tieout.model import DeadLetter, Event, OpenWait, Principal, Run, UsageLine
from tieout.ports.runs import Depths, Effect, RunFilter


@dataclass(frozen=True)
class Replayed:
    """What came of replaying all runs that fit a filter, by their ids, oldest first.

    `more` says that others fit, too: the same call again takes them. A dry run fills `runs` with those that it would
    replay.
    """

    runs: Sequence[str]
    refused: Mapping[str, str] = field(default_factory=dict)  # why, by id
    more: bool = False
    dry_run: bool = False


class OperationDesk(Protocol):
    """Pauses, cancels, replays and decides. `run_id` is an id or a unique prefix of one."""

    def pause(self, principal: Principal, run_id: str) -> Run:
        """Begin no further step of the run; `resume` ends the pause. Raises NotFound, Conflict (it is final)."""
        ...

    def cancel_step(self, principal: Principal, run_id: str, step: str) -> Run:
        """Cancel one unfinished step by its key. Raises NotFound, Conflict (it has ended)."""
        ...

    def replay(self, principal: Principal, run_id: str, *, step: str | None = None, redeliver: bool = False) -> Run:
        """Do `step` and all that follows from it again, or (None) what has no result.

        What was sent is not sent again unless `redeliver` says so. Raises InvalidInput, NotFound, Conflict.
        """
        ...

    def replay_many(self, principal: Principal, where: RunFilter, *, dry_run: bool = False) -> Replayed:
        """Give all runs that fit, failed ones unless the filter says otherwise, fresh attempts. Raises InvalidInput."""
        ...

    def dead_letters(self, principal: Principal, *, limit: int = 50, run_id: str | None = None) -> list[DeadLetter]:
        """Return dead steps, the newest first. Raises InvalidInput, NotFound."""
        ...

    def usage(self, principal: Principal, *, by: str = "agent", since: datetime | None = None) -> list[UsageLine]:
        """Return what runs cost, summed by agent, principal, model or day."""
        ...

    def deeds(self, principal: Principal, *, limit: int = 100) -> list[Event]:
        """Return the audit trail: what people did to runs, the newest first."""
        ...

    def states(self, principal: Principal) -> Mapping[str, int]:
        """Return how many runs of the workspace stand in which state."""
        ...

    def depths(self, principal: Principal) -> Depths:
        """Return how much stands where in the engine, over all workspaces."""
        ...

    def unknown_effects(self, principal: Principal, *, limit: int = 100) -> list[Effect]:
        """Return effects of which nobody knows whether they arrived, the oldest first. Raises InvalidInput."""
        ...

    def waits(self, principal: Principal, *, run_id: str | None = None) -> list[OpenWait]:
        """Return the open waits of the workspace, or all waits of one run, the oldest first. Raises NotFound."""
        ...

    def decide(
        self,
        principal: Principal,
        run_id: str,
        name: str,
        decision: str,
        *,
        draft_sha256: str | None = None,
        reason: str = "",
    ) -> OpenWait:
        """End an open wait: an approval as `approved` or `refused`, an effect as `arrived`, `resend` or `drop`.

        `name` is the wait's name, the beginning of it, or its token. Raises InvalidInput, NotFound, NeedsAnswer
        (several fit), PermissionDenied (not one of the approvers), Conflict (ended before, or about another draft).
        """
        ...

    def signal(self, principal: Principal, run_id: str, name: str, payload: Mapping[str, Any]) -> bool:
        """Tell a run that something happened outside; one that comes before its step waits is kept.

        Returns whether it is the first of that name: a repeated one changes nothing. Raises InvalidInput, NotFound.
        """
        ...
