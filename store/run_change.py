"""One transaction's change of one run: its row locked first, its events numbered, all written at the end."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, String, bindparam, insert, literal, null, select, update

from store.rows import AnyRow, usage_columns, usage_of
from store.tables import attempts, events, runs, steps, waits
from tieout.errors import NotFound
from tieout.model import Event, RunState, StepState, Usage, WaitState
from tieout.ports import Claimed

UNFINISHED = tuple(state for state in StepState if not state.settled)
_LOCKED = (
    runs.c.id,
    runs.c.workspace,
    runs.c.state,
    runs.c.outcome,
    runs.c.remaining,
    runs.c.plain,
    runs.c.parent_step,
    runs.c.event_seq,
    runs.c.result,
    runs.c.error,
    runs.c.finished_at,
    runs.c.calls,
    runs.c.tokens_in,
    runs.c.tokens_out,
    runs.c.cost,
)

# The statements of each step's life are built once: building one costs several times what running it does.
_RUN = bindparam("the_run", type_=String())
_STEP = bindparam("the_step", type_=String())
_LOCK = select(*_LOCKED).where(runs.c.id == _RUN).with_for_update()
_RUN_OF_STEP = select(steps.c.run_id).where(steps.c.id == _STEP).scalar_subquery()
_LOCK_OF_STEP = select(*_LOCKED).where(runs.c.id == _RUN_OF_STEP).with_for_update(of=runs)
_ADD_EVENTS = insert(events)
_SAVE = update(runs).where(runs.c.id == _RUN)
_SAVE_AND_READ = _SAVE.returning(*runs.c)
_ADD_ATTEMPT = insert(attempts)


def lock_run_of(connection: Connection, step_id: str) -> AnyRow | None:
    """Lock the run of a step and return its row for `RunChange`, or None when there is no such step."""
    return connection.execute(_LOCK_OF_STEP, {"the_step": step_id}).one_or_none()


class RunChange:
    """Collects what a transaction does to a run; `save` writes it. The run's row is the lock of the whole run."""

    def __init__(self, connection: Connection, run_id: str, now: datetime, locked: AnyRow | None = None) -> None:
        """Lock the run, unless `locked` is its row from `lock_run_of`. Raises NotFound."""
        row = locked or connection.execute(_LOCK, {"the_run": run_id}).one_or_none()
        if row is None:
            raise NotFound(f"there is no run {run_id}")
        self.connection = connection
        self.run_id = run_id
        self.now = now
        self.workspace: str = row.workspace
        self.state = RunState(row.state)
        self.outcome: str | None = row.outcome
        self.remaining: int = row.remaining
        self.plain: bool = row.plain
        self.parent_step: str | None = row.parent_step
        self.result: dict[str, Any] = dict(row.result)
        self.usage: Usage = usage_of(row)
        self._before = row
        self._ended: dict[str, Any] = {"finished_at": row.finished_at, "error": row.error}
        self._seq: int = row.event_seq
        self._events: list[Event] = []

    def event(self, kind: str, data: Mapping[str, Any], step: str | None = None) -> Event:
        """Append an event under the run's next number."""
        self._seq += 1
        happened = Event(self.run_id, self._seq, kind, self.now, step, dict(data))
        self._events.append(happened)
        return happened

    def enter(self, state: RunState, *, finished_at: datetime | None = None, error: str | None = None) -> None:
        """Set the run's state, and when and why it ended."""
        self.state = state
        self._ended = {"finished_at": finished_at, "error": error}

    def finish(self, state: RunState, error: str | None = None) -> None:
        """End the run: what has not finished is cancelled, a claim that still runs turns stale."""
        if self.remaining:
            self._cancel_unfinished()
            self.remaining = 0
        self.enter(state, finished_at=self.now, error=error)
        self.event("run_finished", {"state": state.value})

    def touched(self) -> tuple[int, RunState]:
        """Return what differs as soon as there is something to save."""
        return self._seq, self.state

    def save(self) -> None:
        """Write the run's row and the new events."""
        self._save_events()
        self.connection.execute(_SAVE, self._changed())

    def save_and_read(self) -> AnyRow:
        """Write as `save` does, and return the run's whole row as it now stands."""
        self._save_events()
        return self.connection.execute(_SAVE_AND_READ, self._changed()).one()

    def _save_events(self) -> None:
        rows = [
            {
                "run_id": e.run_id,
                "seq": e.seq,
                "workspace": self.workspace,
                "kind": e.kind,
                "at": e.at,
                "step": e.step,
                "data": e.data,
            }
            for e in self._events
        ]
        if rows:
            self.connection.execute(_ADD_EVENTS, rows)

    def _changed(self) -> dict[str, Any]:
        """Return the columns to write, those left as they were spared."""
        columns = {
            "state": self.state.value,
            "outcome": self.outcome,
            "remaining": self.remaining,
            "plain": self.plain,
            "result": self.result,
            "event_seq": self._seq,
            **usage_columns(self.usage),
            **self._ended,
        }
        before = self._before._mapping
        changed = {name: value for name, value in columns.items() if value != before[name]}
        return {"the_run": self.run_id, "updated_at": self.now, **changed}

    def end_attempt(self, claimed: Claimed, outcome: str, error: str | None = None) -> None:
        """Record an attempt that is over: done, failed, waiting or handed back."""
        step = claimed.step
        self.connection.execute(
            _ADD_ATTEMPT,
            {
                "step_id": step.id,
                "fence": claimed.fence,
                "attempt": step.attempt,
                "owner": claimed.owner,
                "started_at": step.started_at,
                "finished_at": self.now,
                "outcome": outcome,
                "error": error,
            },
        )

    def end_running(self, outcome: str, error: str | None, step_id: str | None = None) -> None:
        """Record the attempts that are running (of one step, when given) as over: cancelled or lost."""
        columns = (steps.c.id, steps.c.fence, steps.c.attempt, steps.c.owner, steps.c.started_at)
        ended = (literal(self.now, attempts.c.finished_at.type), literal(outcome), literal(error) if error else null())
        running = select(*columns, *ended).where(
            steps.c.run_id == self.run_id, steps.c.state == StepState.RUNNING.value, steps.c.owner.is_not(None)
        )
        if step_id is not None:
            running = running.where(steps.c.id == step_id)
        names = ("step_id", "fence", "attempt", "owner", "started_at", "finished_at", "outcome", "error")
        self.connection.execute(insert(attempts).from_select(names, running))

    def end_waits(self, step_id: str | None = None) -> None:
        """Cancel the open waits (of one step, when given), and the sub-runs that were waited for."""
        still = [waits.c.run_id == self.run_id, waits.c.state == WaitState.OPEN.value]
        if step_id is not None:
            still.append(waits.c.step_id == step_id)
        ended = update(waits).where(*still).values(state=WaitState.CANCELLED.value, decided_at=self.now)
        for row in self.connection.execute(ended.returning(waits.c.child_run)).all():
            if row.child_run is not None:
                self.cancel_child(row.child_run)

    def cancel_child(self, run_id: str) -> None:
        """Cancel a sub-run for which nothing waits any more."""
        # Always from parent to child, so that no two transactions wait for each other in a circle.
        child = RunChange(self.connection, run_id, self.now)
        if not child.state.final:
            child.event("run_cancelled", {"principal": "tieout", "reason": f"{self.run_id} does not wait for it"})
            child.finish(RunState.CANCELLED)
            child.save()

    def _cancel_unfinished(self) -> None:
        self.end_running("cancelled", None)
        self.end_waits()
        self.connection.execute(
            update(steps)
            .where(steps.c.run_id == self.run_id, steps.c.state.in_(UNFINISHED))
            .values(
                state=StepState.CANCELLED.value,
                fence=steps.c.fence + 1,
                owner=None,
                lease_until=None,
                held=False,
                finished_at=self.now,
            )
        )
