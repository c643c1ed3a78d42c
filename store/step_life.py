"""The run store's part about single steps: which may start, claims, how claims end, and what a sweep frees."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, and_, func, select, update

from store import claims, outcomes, rules, waiting
from store.database import Database
from store.quick import QuickPath
from store.rows import AnyRow
from store.tables import NOT_HELD, is_in, waits
from store.tables import steps as step_table
from tieout.errors import TieoutError
from tieout.model import Limit, ReadyStep, RunState, StepSpec, StepState, Wait, WaitState
from tieout.ports import Advanced, Claimed

_log = structlog.get_logger(__name__)


class StepLife:
    """Steps in SQL. Each method is one transaction, but for the sweeps, which are one for each step."""

    _database: Database
    _limits: Mapping[str, Limit]
    _quick: QuickPath | None
    _after: str  # the workspace whose turn was first in the last look

    def ready_steps(self, *, limit: int, now: datetime) -> list[ReadyStep]:
        """Return steps that may start, one of each workspace in turn, by priority."""

        def look(connection: Connection) -> list[ReadyStep]:
            names = claims.workspaces(connection, self._after)
            self._after = names[0] if names else ""  # another one begins the next time, so that none is always last
            return claims.ready(connection, limit, now, self._limits, names)

        return self._database.read(look)

    def claim_step(self, step_id: str, owner: str, *, lease_s: float, now: datetime) -> Claimed | None:
        """Claim by one conditional update; None if the step is not to be had."""
        if self._quick is not None and not self._limits:
            return self._quick.claim(step_id, owner, now + timedelta(seconds=lease_s), now)
        return self._database.write(lambda c: claims.claim(c, step_id, owner, lease_s, now, self._limits))

    def complete_step(
        self,
        claimed: Claimed,
        output: Mapping[str, Any],
        *,
        now: datetime,
        run_state: RunState | None = None,
        run_result: Mapping[str, Any] | None = None,
        spawn: Sequence[StepSpec] = (),
    ) -> list[ReadyStep]:
        """Commit the output and return the steps that became ready. Raises StaleFence, InvalidInput (spawn)."""
        if self._quick is not None and run_state is None and not run_result and not spawn:
            opened = self._quick.complete(claimed, output, now)
            if opened is not None:
                return list(opened)
        return self._database.write(lambda c: outcomes.complete(c, claimed, output, run_state, run_result, spawn, now))

    def advance(
        self,
        results: Sequence[tuple[Claimed, Mapping[str, Any]]],
        wanted: Sequence[str],
        owner: str,
        *,
        lease_s: float,
        now: datetime,
    ) -> Advanced:
        """Complete plain steps and claim others in one write; with limits each claim is a write of its own."""
        if self._quick is None:
            return self._claim_each(Advanced(), wanted, owner, lease_s, now)
        at_once = () if self._limits else wanted
        came = self._quick.advance(results, at_once, owner, now + timedelta(seconds=lease_s), now)
        return self._claim_each(came, wanted, owner, lease_s, now) if self._limits else came

    def _claim_each(self, came: Advanced, wanted: Sequence[str], owner: str, lease_s: float, now: datetime) -> Advanced:
        claimed: list[Claimed] = []
        for step_id in wanted:
            try:
                one = self.claim_step(step_id, owner, lease_s=lease_s, now=now)
            except TieoutError as error:  # what is done stands; a step that is not claimed now is hinted at again
                if not (came.completed or claimed):
                    raise
                _log.warning("step_not_claimed", step_id=step_id, reason=error.message)
                break
            claimed += [] if one is None else [one]
        return replace(came, claimed=claimed)

    def suspend_step(
        self, claimed: Claimed, waits: Sequence[Wait], output: Mapping[str, Any], *, now: datetime
    ) -> list[ReadyStep]:
        """Free the worker until all `waits` have ended. Raises StaleFence, InvalidInput."""
        rules.check_waits(waits)
        return self._database.write(lambda connection: waiting.suspend(connection, claimed, waits, output, now))

    def fail_step(self, claimed: Claimed, error: str, *, retry_at: datetime | None, now: datetime) -> list[ReadyStep]:
        """Record a failed attempt; return what opened because the step is dead. Raises StaleFence."""
        error = rules.error_text(error)
        return self._database.write(lambda connection: outcomes.fail(connection, claimed, error, retry_at, now))

    def defer_step(self, claimed: Claimed, reason: str, *, retry_at: datetime, now: datetime) -> None:
        """Give up a claim that this process cannot carry out. Raises StaleFence."""
        self._database.write(lambda connection: outcomes.defer(connection, claimed, reason, retry_at, now))

    def count_deferrals(self, claimed: Claimed) -> int:
        """Return how often in a row the step was deferred before this claim."""
        return self._database.read(lambda connection: outcomes.count_deferrals(connection, claimed.step.id))

    def keep_partial(self, claimed: Claimed, output: Mapping[str, Any], *, now: datetime) -> bool:
        """Keep what a cancelled step had so far; False when it was not cancelled under this claim."""
        return self._database.write(lambda connection: outcomes.keep_partial(connection, claimed, output, now))

    def hand_back(self, claimed: Claimed, *, now: datetime) -> None:
        """Give up a claim because of an orderly stop. Raises StaleFence."""
        self._database.write(lambda connection: outcomes.hand_back(connection, claimed, now))

    def holds_claim(self, claimed: Claimed) -> bool:
        """Return whether the claim still stands."""
        return self._database.read(lambda connection: claims.holds(connection, claimed.step.id, claimed.fence))

    def lost_claims(self, claims_: Collection[tuple[str, int]]) -> set[tuple[str, int]]:
        """Return those of (step id, fence) that no longer stand."""
        if not claims_:
            return set()
        return set(claims_) - self._database.read(lambda connection: claims.still_held(connection, claims_))

    def renew_leases(self, owner: str, *, lease_s: float, now: datetime, steps: Collection[str] | None = None) -> int:
        """Extend the leases of the owner's running steps (only of those ids, when given); return how many."""
        only = None if steps is None else sorted(steps)
        return self._database.write(lambda c: claims.renew(c, owner, now + timedelta(seconds=lease_s), only))

    def running_owners(self) -> frozenset[str]:
        """Return the owners of all running steps."""
        query = select(step_table.c.owner).where(is_in(step_table.c.state, StepState.RUNNING)).distinct()
        found = self._database.read(lambda connection: connection.execute(query).scalars().all())
        return frozenset(owner for owner in found if owner is not None)

    def release_lost(self, *, now: datetime, alive: Callable[[str], bool]) -> list[ReadyStep]:
        """Free the steps of dead owners and of leases that ran out; return those that are ready again."""
        running = self._database.read(lambda connection: claims.running(connection, now))
        dead = {owner for owner in {row.owner for row in running} if not alive(owner)}
        freed: list[ReadyStep] = []
        for row in running:
            if row.owner in dead or row.expired:
                freed += self._release(row, row.owner in dead, now)
        return freed

    def promote_due(self, *, now: datetime) -> tuple[list[ReadyStep], datetime | None]:
        """Make due retries ready and end due waits; return what became ready and when the next is due."""
        retry = and_(is_in(step_table.c.state, StepState.RETRY), NOT_HELD)
        open_wait = is_in(waits.c.state, WaitState.OPEN)

        def look(connection: Connection) -> tuple[datetime | None, datetime | None, Sequence[AnyRow]]:
            first_retry = connection.execute(select(func.min(step_table.c.ready_at)).where(retry)).scalar()
            first_wait = connection.execute(select(func.min(waits.c.until)).where(open_wait)).scalar()
            ended = waiting.due(connection, now) if first_wait is not None and first_wait <= now else ()
            return first_retry, first_wait, ended

        first_retry, first_wait, ended = self._database.read(look)
        opened: list[ReadyStep] = []
        if first_retry is not None and first_retry <= now:
            opened += self._database.write(lambda connection: _retries(connection, retry, now))
        for row in ended:
            opened += self._expire(row, now)
        upcoming = [at for at in (first_retry, first_wait) if at is not None and at > now]
        if opened or ended:  # more may be due than one look has taken
            upcoming.append(now)
        return opened, min(upcoming, default=None)

    def _release(self, row: AnyRow, owner_is_dead: bool, now: datetime) -> list[ReadyStep]:
        return self._database.write(lambda c: claims.release(c, row.id, row.run_id, row.fence, owner_is_dead, now))

    def _expire(self, row: AnyRow, now: datetime) -> list[ReadyStep]:
        return self._database.write(lambda connection: waiting.expire(connection, row.token, row.run_id, now))


def _retries(connection: Connection, retry: Any, now: datetime) -> list[ReadyStep]:
    due = select(step_table.c.id).where(retry, step_table.c.ready_at <= now).limit(500)
    due = due.with_for_update(skip_locked=True)
    rows = connection.execute(
        update(step_table)
        .where(step_table.c.id.in_(due), retry)
        .values(state=StepState.READY.value)
        .returning(step_table.c.id, step_table.c.run_id, step_table.c.workspace)
    )
    return [ReadyStep(row.id, row.run_id, row.workspace) for row in rows]
