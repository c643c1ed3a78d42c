"""Claim and completion on SQLite: few statements straight to the driver, inside a group commit."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from store import rules
from store.database import Database
from store.quick import RUN_COLUMNS, STEP_COLUMNS, KnownRuns, RunOutputs, claimed_of, columns
from tieout.model import ReadyStep, RunState
from tieout.ports import Claimed

_CLAIM = f"""
UPDATE steps SET state = 'running', fence = fence + 1, attempt = attempt + 1, owner = ?, lease_until = ?,
       started_at = ?, finished_at = NULL, error = NULL
 WHERE id = ? AND state = 'ready' AND NOT held
RETURNING run_id, {", ".join(STEP_COLUMNS)}
"""
_RUN = f"SELECT event_seq, workspace, {columns('runs', RUN_COLUMNS)} FROM runs WHERE id = ?"
_START = "UPDATE runs SET state = ?, event_seq = ?, updated_at = ? WHERE id = ?"
_EVENT = "INSERT INTO events (run_id, seq, workspace, kind, at, step, data) VALUES (?, ?, ?, ?, ?, ?, ?)"

_PLAIN_RUN = "SELECT event_seq, remaining, state, outcome, workspace FROM runs WHERE id = ? AND plain"
_DONE = """
UPDATE steps SET state = 'done', output = ?, owner = NULL, lease_until = NULL, error = NULL, finished_at = ?
 WHERE id = ? AND fence = ? AND state = 'running'
"""
_ATTEMPT = """
INSERT INTO attempts (step_id, fence, attempt, owner, started_at, finished_at, outcome)
VALUES (?, ?, ?, ?, ?, ?, 'done')
"""
_COUNT_DOWN = """
UPDATE steps SET pending = pending - 1,
       ready_at = CASE WHEN state = 'blocked' AND pending = 1 THEN ? ELSE ready_at END,
       state = CASE WHEN state = 'blocked' AND pending = 1 THEN 'ready' ELSE state END
 WHERE id IN (SELECT child_id FROM step_edges WHERE parent_id = ?)
RETURNING position, id, state, pending, held
"""
_ADVANCE = "UPDATE runs SET remaining = ?, event_seq = ?, updated_at = ? WHERE id = ?"
_END = """
UPDATE runs SET remaining = 0, event_seq = ?, state = ?, error = NULL, finished_at = ?, updated_at = ? WHERE id = ?
"""


def _text(at: datetime) -> str:
    """Return a time as the tables keep it: naive UTC to the microsecond."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


class SqliteQuickPath:
    """The quick path on SQLite."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.known = KnownRuns(database)

    def claim(self, step_id: str, owner: str, until: datetime, now: datetime) -> Claimed | None:
        """Claim the step; None if it is not to be had."""
        began, ends = _text(now), _text(until)

        def work(connection: Connection) -> tuple[Any, Any] | None:
            execute = _execute(connection)
            step = execute(_CLAIM, (owner, ends, began, step_id)).fetchone()
            if step is None:
                return None
            run_id, key, action, attempt = step[0], step[2], step[3], step[5]
            seq, workspace, *run = execute(_RUN, (run_id,)).fetchone()
            told = []
            if run[-1] == "queued":
                seq += 1
                told.append((run_id, seq, workspace, "run_started", began, None, "{}"))
            seq += 1
            data = rules.json_text({"attempt": attempt, "action": action})
            told.append((run_id, seq, workspace, "step_started", began, key, data))
            if run[-1] in ("queued", "waiting"):
                run[-1] = "running"
            execute(_START, (run[-1], seq, began, run_id))
            for event in told:
                execute(_EVENT, event)
            return step, run

        found = self._database.write(work)
        if found is None:
            return None
        step, run_row = found
        outputs = RunOutputs(self._database, step[0])
        return claimed_of(step[1:], self.known.get(step[0]), tuple(run_row), owner, now, outputs)

    def complete(self, claimed: Claimed, output: Mapping[str, Any], now: datetime) -> list[ReadyStep] | None:
        """Commit the output; None, with nothing changed, where this is not plain. Raises StaleFence."""
        if claimed.fence > 1:
            return None
        step, run_id, ended = claimed.step, claimed.run.id, _text(now)
        text, began = rules.json_text(dict(output)), _text(step.started_at or now)

        def work(connection: Connection) -> list[ReadyStep] | None:
            execute = _execute(connection)
            run = execute(_PLAIN_RUN, (run_id,)).fetchone()
            if run is None:
                return None
            seq, remaining, _state, outcome, workspace = run
            if execute(_DONE, (text, ended, step.id, claimed.fence)).rowcount == 0:
                raise rules.stale(step.id, claimed.fence)
            execute(_ATTEMPT, (step.id, claimed.fence, step.attempt, claimed.owner, began, ended))
            lowered = execute(_COUNT_DOWN, (ended, step.id)).fetchall()
            finished = (run_id, seq + 1, workspace, "step_finished", ended, step.key, f'{{"attempt":{step.attempt}}}')
            execute(_EVENT, finished)
            if remaining == 1:
                state = outcome or RunState.DONE.value
                execute(_END, (seq + 2, state, ended, ended, run_id))
                execute(_EVENT, (run_id, seq + 2, workspace, "run_finished", ended, None, f'{{"state":"{state}"}}'))
            else:
                execute(_ADVANCE, (remaining - 1, seq + 1, ended, run_id))
            opened = sorted(row for row in lowered if row[2] == "ready" and row[3] == 0 and not row[4])
            return [ReadyStep(row[1], run_id, workspace) for row in opened]

        return self._database.write(work)


def _execute(connection: Connection) -> Any:
    """Return the driver's own `execute`: one call of SQLAlchemy's costs as much as several of these."""
    driver = connection.connection.driver_connection
    assert driver is not None
    return driver.execute
