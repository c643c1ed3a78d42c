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
from functools import partial
from typing import Any

from pydantic_core import to_json

from store.database import Database
from store.quick import CREATED_COLUMNS, RUN_COLUMNS, STEP_COLUMNS, Advance, Advanced, QuickPath, columns
from tieout.model import Plan, Principal, ReadyStep, Run, RunRequest

_ADVANCE = f"""
WITH made AS (
    SELECT * FROM json_to_recordset(%(made)s::json) AS made
           (step text, run text, fence bigint, attempt int, owner text, began timestamptz, at timestamptz, output text)
), asked AS (
    SELECT * FROM json_to_recordset(%(asked)s::json) AS asked
           (step text, owner text, until timestamptz, at timestamptz, after text)
), run AS (
    SELECT id, state, event_seq, plain FROM runs
     WHERE id = ANY (%(runs)s::text[] || ARRAY(SELECT run_id FROM steps WHERE id = ANY (%(claims)s::text[])))
     ORDER BY id FOR UPDATE
), done AS (
    UPDATE steps
       SET state = 'done', output = made.output, owner = NULL, lease_until = NULL, error = NULL, finished_at = made.at
      FROM made, run
     WHERE steps.id = ANY (%(completions)s::text[]) AND steps.id = made.step AND steps.run_id = run.id AND run.plain
       AND steps.fence = made.fence AND steps.state || '' = 'running'
    RETURNING steps.id, steps.run_id, steps.key, steps.position, made.fence, made.attempt, made.owner, made.began,
              made.at
), attempt AS (
    INSERT INTO attempts (step_id, fence, attempt, owner, started_at, finished_at, outcome)
    SELECT id, fence, attempt, owner, began, at, 'done' FROM done
), lowered AS (
    UPDATE steps
       SET pending = steps.pending - counted.parents,
           ready_at = CASE WHEN steps.state = 'blocked' AND steps.pending = counted.parents THEN counted.at
                           ELSE steps.ready_at END,
           state = CASE WHEN steps.state = 'blocked' AND steps.pending = counted.parents THEN 'ready'
                        ELSE steps.state END
      FROM (SELECT child_id, count(*)::int AS parents, max(done.at) AS at
              FROM step_edges, done WHERE parent_id = ANY (%(completions)s::text[]) AND parent_id = done.id
             GROUP BY child_id) AS counted
     WHERE steps.id = counted.child_id
    RETURNING steps.id, steps.run_id, steps.workspace, steps.position, steps.state, steps.pending, steps.held
), claimed AS (
    UPDATE steps
       SET state = 'running', fence = steps.fence + 1, attempt = steps.attempt + 1, owner = asked.owner,
           lease_until = asked.until, started_at = asked.at, finished_at = NULL, error = NULL
      FROM asked, run
     WHERE steps.id = ANY (%(claims)s::text[]) AND steps.id = asked.step AND steps.run_id = run.id
       AND steps.state || '' = 'ready' AND NOT steps.held
       AND (asked.after IS NULL OR asked.after IN (SELECT id FROM done))
    RETURNING steps.*
), counted AS (
    SELECT run_id, sum(done)::int AS done, sum(begun)::int AS begun, max(at) AS at
      FROM (SELECT run_id, 1 AS done, 0 AS begun, at FROM done
            UNION ALL SELECT run_id, 0, 1, started_at FROM claimed) AS each
     GROUP BY run_id
), changed AS (
    UPDATE runs
       SET remaining = runs.remaining - counted.done, updated_at = counted.at,
           event_seq = runs.event_seq + counted.done + counted.begun
                     + CASE WHEN counted.done > 0 AND runs.remaining = counted.done THEN 1 ELSE 0 END
                     + CASE WHEN counted.begun > 0 AND runs.state = 'queued' THEN 1 ELSE 0 END,
           state = CASE WHEN counted.done > 0 AND runs.remaining = counted.done THEN coalesce(runs.outcome, 'done')
                        WHEN counted.begun > 0 AND runs.state IN ('queued', 'waiting') THEN 'running'
                        ELSE runs.state END,
           error = CASE WHEN counted.done > 0 AND runs.remaining = counted.done THEN NULL ELSE runs.error END,
           finished_at = CASE WHEN counted.done > 0 AND runs.remaining = counted.done THEN counted.at
                              ELSE runs.finished_at END
      FROM counted, run
     WHERE runs.id = ANY (%(runs)s::text[] || ARRAY(SELECT run_id FROM steps WHERE id = ANY (%(claims)s::text[])))
       AND runs.id = counted.run_id AND runs.id = run.id
    RETURNING runs.*, run.state AS was, run.event_seq AS told, counted.done, counted.begun
), told AS (
    INSERT INTO events (run_id, seq, workspace, kind, at, step, data)
    SELECT changed.id, changed.told + row_number() OVER (PARTITION BY changed.id ORDER BY turn, place),
           changed.workspace, each.kind, each.at, each.step, each.data
      FROM (SELECT run_id, 1 AS turn, position AS place, 'step_finished' AS kind, at, key AS step,
                   '{{"attempt":' || attempt || '}}' AS data FROM done
            UNION ALL
            SELECT id, 2, 0, 'run_finished', updated_at, NULL, '{{"state":"' || state || '"}}' FROM changed
             WHERE done > 0 AND remaining = 0
            UNION ALL
            SELECT id, 3, 0, 'run_started', updated_at, NULL, '{{}}' FROM changed WHERE begun > 0 AND was = 'queued'
            UNION ALL
            SELECT run_id, 4, position, 'step_started', started_at, key,
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


_CREATED = f"SELECT {', '.join(CREATED_COLUMNS)} FROM runs WHERE id = %(run)s"


class PostgresQuickPath(QuickPath):
    """The quick path on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._together = partial(advance, database)

    def create(self, principal: Principal, request: RunRequest, plan: Plan, now: datetime) -> Run | None:  # noqa: ARG002
        """Leave it to the general way, whose statements the driver sends together."""
        return None

    def _created(self, run_id: str) -> Sequence[Any]:
        (row,) = self._database.straight(_CREATED, {"run": run_id})
        created: Sequence[Any] = row
        return created

    def _advance(self, change: Advance) -> Advanced | None:
        return self._database.straight_together(self._together, change)


def advance(database: Database, changes: Sequence[Advance]) -> list[Advanced | None]:
    """Make a set of changes. What steps open together is told with one of them.

    A completion that is stale gets None, too: the general way says so.
    """
    made: dict[str, dict[str, Any]] = {}
    asked: dict[str, dict[str, Any]] = {}
    by_done: dict[str, Advance] = {}
    by_asked: dict[str, Advance] = {}
    for change in changes:
        if change.done is not None:
            claimed = change.done.claimed
            step = claimed.step
            if step.id not in made:
                by_done[step.id] = change
                made[step.id] = {
                    **{"step": step.id, "run": claimed.run.id, "fence": claimed.fence, "attempt": step.attempt},
                    **{"owner": claimed.owner, "began": step.started_at or change.now, "at": change.now},
                    "output": change.done.output,
                }
        if change.asked is not None and change.asked.step_id not in asked:
            by_asked[change.asked.step_id] = change
            asked[change.asked.step_id] = {
                **{"step": change.asked.step_id, "owner": change.asked.owner, "until": change.asked.until},
                **{"at": change.now, "after": change.done and change.done.claimed.step.id},
            }
    rows = database.straight(
        _ADVANCE,
        {
            "made": to_json(list(made.values())).decode(),
            "asked": to_json(list(asked.values())).decode(),
            "runs": sorted({one["run"] for one in made.values()}),
            "completions": list(made),
            "claims": list(asked),
        },
    )
    kept: set[int] = set()
    opened: dict[str, list[ReadyStep]] = {}
    found: dict[int, tuple[tuple[Any, ...], tuple[Any, ...]]] = {}
    for what, _, step_id, run_id, workspace, columns_, run in rows:
        if what == 1:
            kept.add(id(by_done[step_id]))
        elif what == 2:
            opened.setdefault(run_id, []).append(ReadyStep(step_id, run_id, workspace))
        else:
            found[id(by_asked[step_id])] = (tuple(columns_), tuple(run))
    outcomes: list[Advanced | None] = []
    for change in changes:
        if change.done is not None and id(change) not in kept:
            outcomes.append(None)
            continue
        of_run = opened.pop(change.done.claimed.run.id, []) if change.done is not None else []
        outcomes.append(Advanced(of_run, *found.get(id(change), ())))
    return outcomes
