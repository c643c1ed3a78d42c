"""The state of record of what steps wait for: each wait ends once, whoever comes first."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from tieout.model import OpenWait, Principal, ReadyStep


class WaitStore(Protocol):
    """Waits of a workspace's steps. A decision, an expiry and a cancellation of one wait race; one of them wins."""

    def waits(self, principal: Principal, *, run_id: str | None = None, limit: int = 100) -> list[OpenWait]:
        """Return the open waits of the workspace, or all waits of one run, the oldest first."""
        ...

    def decide_wait(
        self,
        principal: Principal,
        run_id: str,
        name: str,
        decision: str,
        *,
        draft_sha256: str | None = None,
        payload: Mapping[str, Any] | None = None,
        now: datetime,
    ) -> tuple[OpenWait, list[ReadyStep]]:
        """End an open wait with a person's decision, and return it with what became ready.

        Of several waits of one name, an open one is meant, and among those the one about the draft.
        Raises InvalidInput (name, decision), NotFound, PermissionDenied (not one of the approvers), Conflict (decided,
        expired or cancelled before, or the draft is another one). A refused try is an event of the run, too.
        """
        ...

    def signal_run(
        self, principal: Principal, run_id: str, name: str, payload: Mapping[str, Any], *, now: datetime
    ) -> tuple[bool, list[ReadyStep]]:
        """Deliver an outside event; one that comes before its step waits is kept for it.

        Returns whether it is the first of that name in the run (a repeated one changes nothing), and what became ready.
        Raises InvalidInput (name), NotFound.
        """
        ...

    def end_sub_runs(self, *, now: datetime) -> list[ReadyStep]:
        """Wake the steps whose sub-runs are final; return those that became ready."""
        ...
