"""One transaction's change of one run: its row locked first, its events numbered, all written at the end."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from store.rows import usage_columns, usage_of
from store.tables import attempts, events, runs, steps
from tieout.errors import NotFound
from tieout.model import Event, RunState, StepState, Usage

UNFINISHED = tuple(state for state in StepState if state not in (StepState.DONE, StepState.DEAD, StepState.CANCELLED))
_LOCKED = (
    runs.c.workspace,
    runs.c.state,
    runs.c.outcome,
    runs.c.remaining,
    runs.c.event_seq,
    runs.c.result,
    runs.c.calls,
    runs.c.tokens_in,
    runs.c.tokens_out,
    runs.c.cost,
)


class RunChange:
    """Collects what a transaction does to a run; `save` writes it. The run's row is the lock of the whole run."""

    def __init__(self, connection: Connection, run_id: str, now: datetime) -> None:
        """Lock the run. Raises NotFound."""
        row = connection.execute(select(*_LOCKED).where(runs.c.id == run_id).with_for_update()).one_or_none()
        if row is None:
            raise NotFound(f"there is no run {run_id}")
        self.connection = connection
        self.run_id = run_id
        self.now = now
        self.workspace: str = row.workspace
        self.state = RunState(row.state)
        self.outcome: str | None = row.outcome
        self.remaining: int = row.remaining
        self.result: dict[str, Any] = row.result
        self.usage: Usage = usage_of(row)
        self._seq: int = row.event_seq
        self._events: list[Event] = []
        self._values: dict[str, Any] = {}

    def event(self, kind: str, data: Mapping[str, Any], step: str | None = None) -> Event:
        """Append an event under the run's next number."""
        self._seq += 1
        happened = Event(self.run_id, self._seq, kind, self.now, step, dict(data))
        self._events.append(happened)
        return happened

    def enter(self, state: RunState, **values: Any) -> None:
        """Set the run's state and other columns."""
        self.state = state
        self._values.update(values)

    def finish(self, state: RunState, error: str | None = None) -> None:
        """End the run: what has not finished is cancelled, a claim that still runs turns stale."""
        self._cancel_unfinished()
        self.enter(state, finished_at=self.now, error=error)
        self.event("run_finished", {"state": state.value})

    def save(self) -> None:
        """Write the run's row and the new events."""
        if self._events:
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
            self.connection.execute(insert(events), rows)
        values = {
            "state": self.state.value,
            "outcome": self.outcome,
            "remaining": self.remaining,
            "result": self.result,
            "event_seq": self._seq,
            "updated_at": self.now,
            **usage_columns(self.usage),
            **self._values,
        }
        self.connection.execute(update(runs).where(runs.c.id == self.run_id).values(values))

    def end_attempt(self, step_id: str, fence: int, outcome: str, error: str | None = None) -> None:
        """Close the record of an attempt: done, failed, lost, handed back or cancelled."""
        self.connection.execute(
            update(attempts)
            .where(attempts.c.step_id == step_id, attempts.c.fence == fence, attempts.c.outcome.is_(None))
            .values(outcome=outcome, error=error, finished_at=self.now)
        )

    def _cancel_unfinished(self) -> None:
        open_steps = select(steps.c.id).where(steps.c.run_id == self.run_id, steps.c.state.in_(UNFINISHED))
        self.connection.execute(
            update(attempts)
            .where(attempts.c.step_id.in_(open_steps), attempts.c.outcome.is_(None))
            .values(outcome="cancelled", finished_at=self.now)
        )
        self.connection.execute(
            update(steps)
            .where(steps.c.run_id == self.run_id, steps.c.state.in_(UNFINISHED))
            .values(
                state=StepState.CANCELLED.value,
                fence=steps.c.fence + 1,
                owner=None,
                lease_until=None,
                finished_at=self.now,
            )
        )
