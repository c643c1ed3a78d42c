"""Claim and completion on SQLite: few statements straight to the driver, inside a group commit."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from store import rules
from store.database import Database
from store.quick import RUN_COLUMNS, STEP_COLUMNS, KnownRuns, RunOutputs, claimed_of, columns
from tieout.codec import dump
from tieout.model import Plan, Principal, ReadyStep, Run, RunRequest, RunState, new_id
from tieout.ports import Claimed

_NEW_RUN = """
INSERT INTO runs (id, workspace, principal, agent, plan_version, request, plan, idempotency_key, remaining, priority,
                  plain, created_at, updated_at, state, event_seq, result, calls, tokens_in, tokens_out, cost)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'queued', 1, '{}', 0, 0, 0, '0')
ON CONFLICT (workspace, idempotency_key) DO NOTHING
"""
_NEW_STEP = """
INSERT INTO steps (id, run_id, workspace, position, key, action, input, state, pending, max_attempts, timeout_s,
                   on_failed, quorum, limit_key, turn, ready_at, attempt, fence)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0)
"""
_NEW_EDGE = "INSERT INTO step_edges (parent_id, child_id) VALUES (?, ?)"

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

    def create(self, principal: Principal, request: RunRequest, plan: Plan, now: datetime) -> Run | None:
        """Insert the run; None, with nothing changed, when its idempotency key is taken."""
        run_id, began, workspace = new_id("run"), _text(now), principal.workspace
        ids = {spec.key: new_id("step") for spec in plan.steps}
        parents = rules.parents(plan)
        run = (
            *(run_id, workspace, principal.id, plan.agent, plan.version),
            *(rules.json_text(dump(request)), rules.json_text(dump(plan)), request.idempotency_key, len(plan.steps)),
            *(request.priority, rules.plain(plan.steps), began, began),
        )
        steps = [
            (
                *(ids[spec.key], run_id, workspace, position, spec.key, spec.action, rules.json_text(dict(spec.input))),
                *("blocked" if parents[spec.key] else "ready", len(parents[spec.key]), spec.max_attempts),
                *(spec.timeout_s, spec.on_failed.value, spec.quorum, spec.limit_key, -request.priority),
                None if parents[spec.key] else began,
            )
            for position, spec in enumerate(plan.steps)
        ]
        edges = [(ids[parent], ids[key]) for key in ids for parent in parents[key]]
        data = rules.json_text({"agent": plan.agent, "door": request.door, "principal": principal.id})

        def work(connection: Connection) -> bool:
            driver: Any = connection.connection.driver_connection
            if driver.execute(_NEW_RUN, run).rowcount == 0:
                return False
            driver.executemany(_NEW_STEP, steps)
            driver.executemany(_NEW_EDGE, edges)
            driver.execute(_EVENT, (run_id, 1, workspace, "run_submitted", began, None, data))
            return True

        if not self._database.write(work):
            return None
        utc = now.astimezone(UTC)
        return Run(run_id, workspace, principal.id, request, plan, RunState.QUEUED, utc, utc)

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
