"""The use cases of operating runs: pausing, cancelling single steps, and doing again what came to nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from tieout.errors import Conflict, InvalidInput, NotFound
from tieout.model import DeadLetter, Event, Principal, Role, Run, RunState, UsageLine
from tieout.ports import Depths, Effect, Replayed, RunFilter
from tieout.use_cases.common import UseCases, require, valid_text

MAX_REPLAYED = 1_000  # runs of one call
MAX_LISTED = 1_000
USAGE_BY = ("agent", "principal", "model", "day")
_REPLAYABLE = (RunState.FAILED, RunState.CANCELLED)


class OperationUseCases(UseCases):
    """Runs of a workspace in operation: viewers read, members also act."""

    def pause(self, principal: Principal, run_id: str) -> Run:
        """Begin no further step of the run; those that run may end. Raises NotFound, Conflict (it is final)."""
        require(principal, Role.MEMBER, "pause runs")
        return self.store.pause_run(principal, run_id, now=self.clock())

    def cancel_step(self, principal: Principal, run_id: str, step: str) -> Run:
        """Cancel one unfinished step; what waits for it decides by its policy. Raises NotFound, Conflict."""
        require(principal, Role.MEMBER, "cancel steps")
        run = self.store.cancel_step(principal, run_id, step, now=self.clock())
        self.engine.wake()
        return run

    def replay(self, principal: Principal, run_id: str, *, step: str | None = None, redeliver: bool = False) -> Run:
        """Do `step` and all that follows from it again, or (None) what has no result, and wake the engine.

        Effects that were done are done again only with `redeliver`. Raises InvalidInput, NotFound, Conflict.
        """
        require(principal, Role.MEMBER, "replay runs")
        if redeliver and step is None:
            raise InvalidInput(
                "Sending again what was sent needs the step from which to replay: name it, or leave the sending out."
            )
        run = self.store.replay_run(principal, run_id, step=step, redeliver=redeliver, now=self.clock())
        self.engine.wake()
        return run

    def replay_many(self, principal: Principal, where: RunFilter, *, dry_run: bool = False) -> Replayed:
        """Give the dead and cancelled steps of all runs that fit fresh attempts; nothing is sent a second time.

        A filter without states means failed runs. At most 1,000 at once, the oldest first. Raises InvalidInput.
        """
        require(principal, Role.MEMBER, "replay runs")
        found = self.store.find_runs(principal, checked_filter(where), limit=MAX_REPLAYED + 1)
        ids, more = found[:MAX_REPLAYED], len(found) > MAX_REPLAYED
        if dry_run:
            return Replayed(ids, more=more, dry_run=True)
        done: list[str] = []
        refused: dict[str, str] = {}
        for run_id in ids:
            try:
                self.store.replay_run(principal, run_id, step=None, now=self.clock())
                done.append(run_id)
            except (Conflict, NotFound) as error:  # it changed, or was removed, meanwhile
                refused[run_id] = error.message
        if done:
            self.engine.wake()
        return Replayed(done, refused, more)

    def dead_letters(self, principal: Principal, *, limit: int = 50, run_id: str | None = None) -> list[DeadLetter]:
        """Return dead steps, the newest first. Raises InvalidInput, NotFound (run)."""
        check_count(limit, "dead letters")
        return self.store.dead_letters(principal, limit=limit, run_id=run_id)

    def usage(self, principal: Principal, *, by: str = "agent", since: datetime | None = None) -> list[UsageLine]:
        """Return what runs created since then (default: 30 days ago) cost, the dearest first, or by day the newest.

        `by` is agent, principal, model or day (UTC). Money is in the currency of the
        model's prices. Raises InvalidInput.
        """
        if by not in USAGE_BY:
            raise InvalidInput(f"Usage is summed by {', '.join(USAGE_BY)}, not by {by!r}.")
        _check_zone(since, "since")
        return self.store.usage(principal, by=by, since=since or self.clock() - timedelta(days=30))

    def deeds(self, principal: Principal, *, limit: int = 100) -> list[Event]:
        """Return the audit trail: what people did to runs, the newest first."""
        require(principal, Role.ADMIN, "read the audit trail")
        check_count(limit, "events")
        return list(self.store.deeds(principal, limit=limit))

    def states(self, principal: Principal) -> Mapping[str, int]:
        """Return how many runs of the workspace stand in which state."""
        return self.store.states(principal)

    def depths(self, principal: Principal) -> Depths:
        """Return how much stands where in the engine, over all workspaces. Raises PermissionDenied."""
        require(principal, Role.ADMIN, "see the queues of this installation")
        return self.store.depths(now=self.clock())

    def unknown_effects(self, principal: Principal, *, limit: int = 100) -> list[Effect]:
        """Return effects that were begun and whose outcome nobody recorded, the oldest first. Raises InvalidInput."""
        check_count(limit, "effects")
        return self.store.unknown_effects(principal, limit=limit)


def checked_filter(where: RunFilter) -> RunFilter:
    """Return the filter of runs to replay, of failed ones when it names no state. Raises InvalidInput."""
    wrong = [state.value for state in where.states if state not in _REPLAYABLE]
    if wrong:
        raise InvalidInput(
            f"Runs that are {', '.join(wrong)} are not replayed as a set, only those that failed or were cancelled; "
            "replay one of them by its id."
        )
    for name, at in (("since", where.since), ("until", where.until)):
        _check_zone(at, name)
    for text, what in ((where.agent, "The agent's name"), (where.error, "The error's text")):
        if text is not None and not valid_text(text, what):
            raise InvalidInput(f"{what} is empty; leave it out to mean any.")
    return replace(where, states=tuple(dict.fromkeys(where.states)) or (RunState.FAILED,))


def check_count(limit: int, of: str) -> None:
    """Raise InvalidInput for a number that no list has."""
    if not 1 <= limit <= MAX_LISTED:
        raise InvalidInput(f"The number of {of} must be from 1 to {MAX_LISTED}, not {limit}.")


def _check_zone(at: datetime | None, name: str) -> None:
    if at is not None and at.tzinfo is None:
        raise InvalidInput(f"The time {name!r} has no time zone: end it with Z or an offset such as +02:00.")
