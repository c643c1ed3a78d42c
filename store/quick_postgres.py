"""Claims and completions on PostgreSQL: one statement for a whole set, which is one transaction and one round trip.

The runs' rows are locked first, in the order of their ids, as by every writer; then the other parts follow from what
they got. A part that meets a row which another transaction changed since the statement began looks at the newest
version and decides by that (READ COMMITTED), so counters and conditions are those under the lock.

Rows are found by their ids, whatever PostgreSQL knows of the tables: the ids come in as arrays, and `state || ''`
keeps it from the indexes over states, which are full of rows that were ready or running a moment ago.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic_core import to_json

from store.quick import CREATED_COLUMNS, RUN_COLUMNS, STEP_COLUMNS, Change, Changed, QuickPath, columns
from tieout.model import Plan, Principal, ReadyStep, Run, RunRequest

_ADVANCE = f"""
WITH made AS (
    SELECT * FROM json_to_recordset(%(made)s::json) AS made
           (step text, run text, fence bigint, attempt int, owner text, began timestamptz, output text)
), run AS (
    SELECT id, state, event_seq, plain FROM runs
     WHERE id = ANY (%(runs)s::text[] || ARRAY(SELECT run_id FROM steps WHERE id = ANY (%(claims)s::text[])))
     ORDER BY id FOR UPDATE
), done AS (
    UPDATE steps
       SET state = 'done', output = made.output, owner = NULL, lease_until = NULL, error = NULL, finished_at = %(now)s
      FROM made, run
     WHERE steps.id = ANY (%(completions)s::text[]) AND steps.id = made.step AND steps.run_id = run.id AND run.plain
       AND steps.fence = made.fence AND steps.state || '' = 'running'
    RETURNING steps.id, steps.run_id, steps.key, steps.position, made.fence, made.attempt, made.owner, made.began
), attempt AS (
    INSERT INTO attempts (step_id, fence, attempt, owner, started_at, finished_at, outcome)
    SELECT id, fence, attempt, owner, began, %(now)s, 'done' FROM done
), lowered AS (
    UPDATE steps
       SET pending = steps.pending - counted.parents,
           ready_at = CASE WHEN steps.state = 'blocked' AND steps.pending = counted.parents THEN %(now)s
                           ELSE steps.ready_at END,
           state = CASE WHEN steps.state = 'blocked' AND steps.pending = counted.parents THEN 'ready'
                        ELSE steps.state END
      FROM (SELECT child_id, count(*)::int AS parents
              FROM step_edges, done WHERE parent_id = ANY (%(completions)s::text[]) AND parent_id = done.id
             GROUP BY child_id) AS counted
     WHERE steps.id = counted.child_id
    RETURNING steps.id, steps.run_id, steps.workspace, steps.position, steps.state, steps.pending, steps.held
), claimed AS (
    UPDATE steps
       SET state = 'running', fence = steps.fence + 1, attempt = steps.attempt + 1, owner = %(owner)s,
           lease_until = %(until)s, started_at = %(now)s, finished_at = NULL, error = NULL
      FROM run
     WHERE steps.id = ANY (%(claims)s::text[]) AND steps.run_id = run.id
       AND steps.state || '' = 'ready' AND NOT steps.held
    RETURNING steps.*
), counted AS (
    SELECT run_id, sum(done)::int AS done, sum(begun)::int AS begun
      FROM (SELECT run_id, 1 AS done, 0 AS begun FROM done UNION ALL SELECT run_id, 0, 1 FROM claimed) AS each
     GROUP BY run_id
), changed AS (
    UPDATE runs
       SET remaining = runs.remaining - counted.done, updated_at = %(now)s,
           event_seq = runs.event_seq + counted.done + counted.begun
                     + CASE WHEN counted.done > 0 AND runs.remaining = counted.done THEN 1 ELSE 0 END
                     + CASE WHEN counted.begun > 0 AND runs.state = 'queued' THEN 1 ELSE 0 END,
           state = CASE WHEN counted.done > 0 AND runs.remaining = counted.done THEN coalesce(runs.outcome, 'done')
                        WHEN counted.begun > 0 AND runs.state IN ('queued', 'waiting') THEN 'running'
                        ELSE runs.state END,
           error = CASE WHEN counted.done > 0 AND runs.remaining = counted.done THEN NULL ELSE runs.error END,
           finished_at = CASE WHEN counted.done > 0 AND runs.remaining = counted.done THEN %(now)s
                              ELSE runs.finished_at END
      FROM counted, run
     WHERE runs.id = ANY (%(runs)s::text[] || ARRAY(SELECT run_id FROM steps WHERE id = ANY (%(claims)s::text[])))
       AND runs.id = counted.run_id AND runs.id = run.id
    RETURNING runs.*, run.state AS was, run.event_seq AS told, counted.done, counted.begun
), told AS (
    INSERT INTO events (run_id, seq, workspace, kind, at, step, data)
    SELECT changed.id, changed.told + row_number() OVER (PARTITION BY changed.id ORDER BY turn, place),
           changed.workspace, each.kind, %(now)s, each.step, each.data
      FROM (SELECT run_id, 1 AS turn, position AS place, 'step_finished' AS kind, key AS step,
                   '{{"attempt":' || attempt || '}}' AS data FROM done
            UNION ALL
            SELECT id, 2, 0, 'run_finished', NULL, '{{"state":"' || state || '"}}' FROM changed
             WHERE done > 0 AND remaining = 0
            UNION ALL
            SELECT id, 3, 0, 'run_started', NULL, '{{}}' FROM changed WHERE begun > 0 AND was = 'queued'
            UNION ALL
            SELECT run_id, 4, position, 'step_started', key,
                   '{{"attempt":' || attempt || ',"action":' || to_json(action)::text || '}}' FROM claimed
           ) AS each, changed
     WHERE changed.id = each.run_id
)
SELECT 1, 0, id, run_id, NULL, NULL::json, NULL::json FROM done
UNION ALL
SELECT 2, position, id, run_id, workspace, NULL, NULL FROM lowered
 WHERE state = 'ready' AND pending = 0 AND NOT held
UNION ALL
SELECT 3, 0, claimed.id, claimed.run_id, NULL, json_build_array({columns("claimed", STEP_COLUMNS)}),
       json_build_array({columns("changed", RUN_COLUMNS)})
  FROM claimed, changed WHERE changed.id = claimed.run_id
 ORDER BY 1, 2
"""


_CREATED = f"SELECT {', '.join(CREATED_COLUMNS)} FROM runs WHERE id = ANY (%(runs)s::text[])"


class PostgresQuickPath(QuickPath):
    """The quick path on PostgreSQL."""

    def create(self, principal: Principal, request: RunRequest, plan: Plan, now: datetime) -> Run | None:  # noqa: ARG002
        """Leave it to the general way, whose statements the driver sends together."""
        return None

    def _created(self, run_ids: Sequence[str]) -> Sequence[Sequence[Any]]:
        return self._database.straight(_CREATED, {"runs": run_ids})

    def _change(self, change: Change) -> Changed:
        made = [
            {
                **{"step": done.claimed.step.id, "run": done.claimed.run.id, "fence": done.claimed.fence},
                **{"attempt": done.claimed.step.attempt, "owner": done.claimed.owner, "output": done.output},
                "began": done.claimed.step.started_at or change.now,
            }
            for done in change.done
        ]
        rows = self._database.straight(
            _ADVANCE,
            {
                **{"made": to_json(made).decode(), "runs": sorted({one["run"] for one in made})},
                **{"completions": [one["step"] for one in made], "claims": list(change.wanted)},
                **{"owner": change.owner, "until": change.until, "now": change.now},
            },
        )
        came = Changed()
        for what, _, step_id, run_id, workspace, step, run in rows:
            if what == 1:
                came.completed.add(step_id)
            elif what == 2:
                came.opened.append(ReadyStep(step_id, run_id, workspace))
            else:
                came.claimed.append((tuple(step), tuple(run)))
        return came
