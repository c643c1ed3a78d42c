"""The use cases of operating runs over HTTP, and what a service finds out about itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tieout import codec
from tieout.client.http import HttpTransport, segment
from tieout.errors import InvalidInput
from tieout.model import DeadLetter, Event, OpenWait, Principal, Run, UsageLine
from tieout.ports import Depths, Effect, Replayed, RunFilter


class HttpOperations(HttpTransport):
    """An `OperationDesk` behind a service's URL, with the service's own findings beside it."""

    def doctor(self, principal: Principal) -> list[Mapping[str, Any]]:
        """Return the service's own findings about its parts."""
        checks: list[Mapping[str, Any]] = self._json("GET", "doctor", principal)
        return checks

    def pause(self, principal: Principal, run_id: str) -> Run:
        """Begin no further step of the run."""
        return codec.load(Run, self._json("POST", f"runs/{segment(run_id)}/pause", principal))

    def cancel_step(self, principal: Principal, run_id: str, step: str) -> Run:
        """Cancel one unfinished step."""
        path = f"runs/{segment(run_id)}/steps/{segment(step)}/cancel"
        return codec.load(Run, self._json("POST", path, principal))

    def replay(self, principal: Principal, run_id: str, *, step: str | None = None, redeliver: bool = False) -> Run:
        """Do a step and all that follows from it again, or what has no result."""
        body = {"step": step, "redeliver": redeliver}
        return codec.load(Run, self._json("POST", f"runs/{segment(run_id)}/replay", principal, json=body))

    def replay_many(self, principal: Principal, where: RunFilter, *, dry_run: bool = False) -> Replayed:
        """Give all runs that fit fresh attempts."""
        body = codec.dump(where) | {"dry_run": dry_run}
        return codec.load(Replayed, self._json("POST", "runs/replay", principal, json=body))

    def dead_letters(self, principal: Principal, *, limit: int = 50, run_id: str | None = None) -> list[DeadLetter]:
        """Return dead steps, the newest first."""
        params = {"limit": limit} | ({"run": run_id} if run_id is not None else {})
        return codec.load(list[DeadLetter], self._json("GET", "dead-letters", principal, params=params))

    def usage(self, principal: Principal, *, by: str = "agent", since: datetime | None = None) -> list[UsageLine]:
        """Return what runs cost, summed by agent, principal, model or day."""
        params = {"by": by} | ({"since": since.isoformat()} if since else {})
        return codec.load(list[UsageLine], self._json("GET", "usage", principal, params=params))

    def deeds(self, principal: Principal, *, limit: int = 100) -> list[Event]:
        """Return the audit trail: what people did to runs, the newest first."""
        return codec.load(list[Event], self._json("GET", "audit", principal, params={"limit": limit}))

    def states(self, principal: Principal) -> Mapping[str, int]:
        """Return how many runs of the workspace stand in which state."""
        found: Mapping[str, int] = self._json("GET", "states", principal)
        return found

    def depths(self, principal: Principal) -> Depths:
        """Return how much stands where in the engine, over all workspaces."""
        return codec.load(Depths, self._json("GET", "depths", principal))

    def unknown_effects(self, principal: Principal, *, limit: int = 100) -> list[Effect]:
        """Return effects of which nobody knows whether they arrived."""
        return codec.load(list[Effect], self._json("GET", "effects/unknown", principal, params={"limit": limit}))

    def waits(self, principal: Principal, *, run_id: str | None = None) -> list[OpenWait]:
        """Return the open waits of the workspace, or all of one run."""
        path = "waits" if run_id is None else f"runs/{segment(run_id)}/waits"
        return codec.load(list[OpenWait], self._json("GET", path, principal))

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
        """End an open wait with a person's decision."""
        body = {"name": name, "decision": decision, "draft_sha256": draft_sha256, "reason": reason}
        return codec.load(OpenWait, self._json("POST", f"runs/{segment(run_id)}/waits/decide", principal, json=body))

    def signal(self, principal: Principal, run_id: str, name: str, payload: Mapping[str, Any]) -> bool:
        """Tell a run that something happened outside; return whether it is the first of that name."""
        try:
            name.encode()
            json.dumps(dict(payload), allow_nan=False)
        except UnicodeEncodeError as error:
            raise InvalidInput(f"{name!r} holds bytes that are not UTF-8 text; type it again.") from error
        except (TypeError, ValueError) as error:
            raise InvalidInput(f"The data of an outside event must be a JSON object: {error}.") from error
        path = f"runs/{segment(run_id)}/signals/{segment(name)}"
        return bool(self._json("POST", path, principal, json={"payload": dict(payload)})["first"])
