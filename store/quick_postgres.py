"""Claim and completion on PostgreSQL: one statement, which is one transaction and one round trip.

The run's row is locked first, as by every writer; then the other parts follow from what they got. A part that meets a
row which another transaction changed since the statement began looks at the newest version and decides by that (READ
COMMITTED), so counters and conditions are those under the lock.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from store import rules
from store.database import Database
from store.quick import RUN_COLUMNS, STEP_COLUMNS, KnownRuns, RunOutputs, claimed_of, columns
from tieout.model import Plan, Principal, ReadyStep, Run, RunRequest
from tieout.ports import Claimed

_CLAIM = f"""
WITH run AS (
    SELECT id, state FROM runs WHERE id = (SELECT run_id FROM steps WHERE id = %(step)s) FOR UPDATE
), claimed AS (
    UPDATE steps
       SET state = 'running', fence = steps.fence + 1, attempt = steps.attempt + 1, owner = %(owner)s,
           lease_until = %(until)s, started_at = %(now)s, finished_at = NULL, error = NULL
      FROM run
     WHERE steps.id = %(step)s AND steps.run_id = run.id AND steps.state = 'ready' AND NOT steps.held
    RETURNING steps.*
), changed AS (
    UPDATE runs
       SET state = CASE WHEN runs.state IN ('queued', 'waiting') THEN 'running' ELSE runs.state END,
           event_seq = runs.event_seq + CASE WHEN runs.state = 'queued' THEN 2 ELSE 1 END, updated_at = %(now)s
      FROM claimed, run
     WHERE runs.id = claimed.run_id AND run.id = runs.id
    RETURNING runs.*, run.state AS was
), told AS (
    INSERT INTO events (run_id, seq, workspace, kind, at, step, data)
    SELECT id, event_seq - 1, workspace, 'run_started', %(now)s, NULL, '{{}}' FROM changed WHERE was = 'queued'
    UNION ALL
    SELECT changed.id, event_seq, changed.workspace, 'step_started', %(now)s, claimed.key,
           '{{"attempt":' || claimed.attempt || ',"action":' || to_json(claimed.action)::text || '}}'
      FROM changed, claimed
)
SELECT claimed.run_id, {columns("claimed", STEP_COLUMNS)}, {columns("changed", RUN_COLUMNS)} FROM claimed, changed
"""

_COMPLETE = """
WITH run AS (
    SELECT id FROM runs WHERE id = %(run)s AND plain FOR UPDATE
), done AS (
    UPDATE steps
       SET state = 'done', output = %(output)s, owner = NULL, lease_until = NULL, error = NULL, finished_at = %(now)s
      FROM run
     WHERE steps.id = %(step)s AND steps.fence = %(fence)s AND steps.state = 'running' AND steps.run_id = run.id
    RETURNING steps.id
), attempt AS (
    INSERT INTO attempts (step_id, fence, attempt, owner, started_at, finished_at, outcome)
    SELECT id, %(fence)s, %(attempt)s, %(owner)s, %(began)s, %(now)s, 'done' FROM done
), lowered AS (
    UPDATE steps
       SET pending = steps.pending - 1,
           ready_at = CASE WHEN steps.state = 'blocked' AND steps.pending = 1 THEN %(now)s ELSE steps.ready_at END,
           state = CASE WHEN steps.state = 'blocked' AND steps.pending = 1 THEN 'ready' ELSE steps.state END
      FROM step_edges, done
     WHERE step_edges.parent_id = done.id AND steps.id = step_edges.child_id
    RETURNING steps.id, steps.position, steps.state, steps.pending, steps.held
), changed AS (
    UPDATE runs
       SET remaining = runs.remaining - 1, updated_at = %(now)s,
           event_seq = runs.event_seq + CASE WHEN runs.remaining = 1 THEN 2 ELSE 1 END,
           state = CASE WHEN runs.remaining = 1 THEN coalesce(runs.outcome, 'done') ELSE runs.state END,
           finished_at = CASE WHEN runs.remaining = 1 THEN %(now)s ELSE runs.finished_at END
      FROM done, run
     WHERE runs.id = run.id
    RETURNING runs.id, runs.workspace, runs.event_seq, runs.remaining, runs.state
), told AS (
    INSERT INTO events (run_id, seq, workspace, kind, at, step, data)
    SELECT id, event_seq - CASE WHEN remaining = 0 THEN 1 ELSE 0 END, workspace, 'step_finished', %(now)s, %(key)s,
           %(data)s
      FROM changed
    UNION ALL
    SELECT id, event_seq, workspace, 'run_finished', %(now)s, NULL, '{"state":"' || state || '"}'
      FROM changed WHERE remaining = 0
)
SELECT lowered.id FROM changed
  LEFT JOIN lowered ON lowered.state = 'ready' AND lowered.pending = 0 AND NOT lowered.held
 ORDER BY lowered.position
"""


class PostgresQuickPath:
    """The quick path on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.known = KnownRuns(database)

    def create(self, principal: Principal, request: RunRequest, plan: Plan, now: datetime) -> Run | None:  # noqa: ARG002
        """Leave it to the general way, whose statements the driver sends together."""
        return None

    def claim(self, step_id: str, owner: str, until: datetime, now: datetime) -> Claimed | None:
        """Claim the step; None if it is not to be had."""
        rows = self._database.straight(_CLAIM, {"step": step_id, "owner": owner, "until": until, "now": now})
        if not rows:
            return None
        run_id, *rest = rows[0]
        step, run_row = tuple(rest[: len(STEP_COLUMNS)]), tuple(rest[len(STEP_COLUMNS) :])
        outputs = RunOutputs(self._database, run_id)
        return claimed_of(step, self.known.get(run_id), run_row, owner, now, outputs)

    def complete(self, claimed: Claimed, output: Mapping[str, Any], now: datetime) -> list[ReadyStep] | None:
        """Commit the output; None, with nothing changed, where this is not plain or the claim is stale."""
        if claimed.fence > 1:
            return None
        step = claimed.step
        rows = self._database.straight(
            _COMPLETE,
            {
                "run": claimed.run.id,
                "step": step.id,
                "fence": claimed.fence,
                "attempt": step.attempt,
                "owner": claimed.owner,
                "began": step.started_at,
                "now": now,
                "key": step.key,
                "output": rules.json_text(dict(output)),
                "data": f'{{"attempt":{step.attempt}}}',
            },
        )
        if not rows:
            return None
        return [ReadyStep(row[0], claimed.run.id, claimed.run.workspace) for row in rows if row[0] is not None]
