"""Claim and completion on SQLite: few statements straight to the driver, for all of a group commit at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from pydantic_core import to_json
from sqlalchemy import Connection

from store import rules
from store.quick import CREATED_COLUMNS, RUN_COLUMNS, STEP_COLUMNS, Change, Changed, Done, QuickPath
from tieout.codec import dump
from tieout.model import Plan, Principal, ReadyStep, Run, RunRequest, RunState, Step, new_id

_NEW_RUN = """
INSERT INTO runs (id, workspace, principal, agent, plan_version, request, plan, idempotency_key, remaining, priority,
                  audience, plain, created_at, updated_at, state, event_seq, result, calls, tokens_in, tokens_out, cost)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'queued', 1, '{}', 0, 0, 0, '0')
ON CONFLICT (workspace, idempotency_key) DO NOTHING
"""
_NEW_STEPS = """
INSERT INTO steps (id, run_id, workspace, position, key, action, input, state, pending, max_attempts, timeout_s,
                   on_failed, quorum, limit_key, turn, ready_at, attempt, fence)
SELECT value ->> 0, ?, ?, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7,
       value ->> 8, value ->> 9, value ->> 10, value ->> 11, ?, value ->> 12, 0, 0 FROM json_each(?)
"""
_NEW_EDGES = "INSERT INTO step_edges (parent_id, child_id) SELECT value ->> 0, value ->> 1 FROM json_each(?)"

_EVENT = "INSERT INTO events (run_id, seq, workspace, kind, at, step, data) VALUES (?, ?, ?, ?, ?, ?, ?)"

_CREATED = f"SELECT {', '.join(CREATED_COLUMNS)} FROM runs WHERE id IN (SELECT value FROM json_each(?))"

# One statement for a whole set: what is asked comes in as one JSON text. Fewer calls, and each call lets go of the
# interpreter's lock, which threads then fight for.
_RUNS = f"""
SELECT id, event_seq, remaining, outcome, plain, workspace, {", ".join(RUN_COLUMNS)} FROM runs
 WHERE id IN (SELECT value FROM json_each(?) UNION
              SELECT run_id FROM steps WHERE id IN (SELECT value FROM json_each(?)))
"""
_DONE = """
UPDATE steps SET state = 'done', output = made.value ->> 2, owner = NULL, lease_until = NULL, error = NULL,
       finished_at = made.value ->> 3
  FROM json_each(?) AS made
 WHERE steps.id = made.value ->> 0 AND steps.fence = made.value ->> 1 AND steps.state = 'running'
RETURNING steps.id
"""
_ATTEMPTS = """
INSERT INTO attempts (step_id, fence, attempt, owner, started_at, finished_at, outcome)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, 'done' FROM json_each(?)
"""
_COUNT_DOWN = """
UPDATE steps SET pending = pending - lowered.by,
       ready_at = CASE WHEN state = 'blocked' AND pending = lowered.by THEN ? ELSE ready_at END,
       state = CASE WHEN state = 'blocked' AND pending = lowered.by THEN 'ready' ELSE state END
  FROM (SELECT child_id, count(*) AS by FROM step_edges
         WHERE parent_id IN (SELECT value FROM json_each(?)) GROUP BY child_id) AS lowered
 WHERE steps.id = lowered.child_id
RETURNING position, id, run_id, state, pending, held
"""
_CLAIM = f"""
UPDATE steps SET state = 'running', fence = fence + 1, attempt = attempt + 1, owner = ?, lease_until = ?,
       started_at = ?, finished_at = NULL, error = NULL
 WHERE id IN (SELECT value FROM json_each(?)) AND state = 'ready' AND NOT held
RETURNING {", ".join(STEP_COLUMNS)}
"""
_ADVANCE = """
UPDATE runs SET event_seq = new.value ->> 1, remaining = new.value ->> 2, state = new.value ->> 3,
       updated_at = new.value ->> 4, finished_at = coalesce(new.value ->> 5, finished_at),
       error = CASE WHEN new.value ->> 5 IS NULL THEN error END
  FROM json_each(?) AS new WHERE runs.id = new.value ->> 0
"""
_EVENTS = """
INSERT INTO events (run_id, seq, workspace, kind, at, step, data)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6 FROM json_each(?)
"""


@lru_cache(maxsize=256)
def _text(at: datetime) -> str:
    """Return a time as the tables keep it: naive UTC to the microsecond."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


class SqliteQuickPath(QuickPath):
    """The quick path on SQLite."""

    def create(self, principal: Principal, request: RunRequest, plan: Plan, now: datetime) -> Run | None:
        """Insert the run; None, with nothing changed, when its idempotency key is taken."""
        run_id, began, workspace = new_id("run"), _text(now), principal.workspace
        ids = {spec.key: new_id("step") for spec in plan.steps}
        parents = rules.parents(plan)
        run = (
            *(run_id, workspace, principal.id, plan.agent, plan.version),
            *(rules.json_text(dump(request)), rules.json_text(dump(plan)), request.idempotency_key, len(plan.steps)),
            *(request.priority, request.audience or None, rules.plain(plan.steps), began, began),
        )
        steps = [
            (
                *(ids[spec.key], position, spec.key, spec.action, rules.json_text(dict(spec.input))),
                *("blocked" if parents[spec.key] else "ready", len(parents[spec.key]), spec.max_attempts),
                *(spec.timeout_s, spec.on_failed.value, spec.quorum, spec.limit_key),
                None if parents[spec.key] else began,
            )
            for position, spec in enumerate(plan.steps)
        ]
        of_steps = (run_id, workspace, -request.priority, _json(steps))
        edges = _json([(ids[parent], ids[key]) for key in ids for parent in parents[key]])
        data = rules.json_text({"agent": plan.agent, "door": request.door, "principal": principal.id})

        def work(connection: Connection) -> bool:
            driver: Any = connection.connection.driver_connection
            if driver.execute(_NEW_RUN, run).rowcount == 0:
                return False
            driver.execute(_NEW_STEPS, of_steps)
            driver.execute(_NEW_EDGES, (edges,))
            driver.execute(_EVENT, (run_id, 1, workspace, "run_submitted", began, None, data))
            return True

        if not self._database.write(work):
            return None
        utc = now.astimezone(UTC)
        return Run(run_id, workspace, principal.id, request, plan, RunState.QUEUED, utc, utc)

    def _created(self, run_ids: Sequence[str]) -> Sequence[Sequence[Any]]:
        rows: Sequence[Sequence[Any]] = self._database.read(
            lambda connection: _execute(connection)(_CREATED, (_json(run_ids),)).fetchall()
        )
        return rows

    def _change(self, change: Change) -> Changed:
        return self._database.write(lambda connection: advance(connection, change))


class _Run:
    """A run's row while a set of changes is made to it, and the events that tell of them."""

    __slots__ = ("at", "ended_at", "id", "outcome", "plain", "remaining", "seq", "state", "told", "used", "workspace")

    def __init__(self, row: tuple[Any, ...]) -> None:
        self.id, self.seq, self.remaining, self.outcome, self.plain, self.workspace, *self.used, self.state = row
        self.at = ""
        self.ended_at: str | None = None
        self.told: list[tuple[Any, ...]] = []

    def tell(self, kind: str, at: str, step: str | None = None, data: str = "{}") -> None:
        self.seq += 1
        self.at = max(self.at, at)
        self.told.append((self.id, self.seq, self.workspace, kind, at, step, data))

    def finish(self, step: Step, at: str) -> None:
        """Note that a step is done; the last one ends the run."""
        self.remaining -= 1
        self.tell("step_finished", at, step.key, f'{{"attempt":{step.attempt}}}')
        if self.remaining == 0:
            self.state, self.ended_at = self.outcome or "done", at
            self.tell("run_finished", at, None, f'{{"state":"{self.state}"}}')

    def start(self, key: str, action: str, attempt: int, at: str) -> None:
        """Note that a step begins; the first one starts the run."""
        if self.state == "queued":
            self.tell("run_started", at)
        if self.state in ("queued", "waiting"):
            self.state = "running"
        self.tell("step_started", at, key, _json({"attempt": attempt, "action": action}))

    def columns(self) -> tuple[Any, ...]:
        return (self.id, self.seq, self.remaining, self.state, self.at, self.ended_at)

    def usage(self) -> tuple[Any, ...]:
        """Return what `RUN_COLUMNS` names."""
        return (*self.used, self.state)


def advance(connection: Connection, change: Change) -> Changed:
    """Make the change; what is stale or not plain is left as it is."""
    execute = _execute(connection)
    of_done = [done.claimed.run.id for done in change.done]
    runs = {row[0]: _Run(row) for row in execute(_RUNS, (_json(of_done), _json(list(change.wanted))))}
    plain = {}
    for done in change.done:
        if (run := runs.get(done.claimed.run.id)) is not None and run.plain:
            plain[done.claimed.step.id] = done
    came = Changed()
    if plain:
        _complete(execute, plain, change.now, runs, came)
    if change.wanted:
        _claim(execute, change, runs, came)
    told = [run for run in runs.values() if run.told]
    if told:
        execute(_ADVANCE, (_json([run.columns() for run in told]),))
        execute(_EVENTS, (_json([event for run in told for event in run.told]),))
    return came


def _complete(execute: Any, plain: Mapping[str, Done], now: datetime, runs: Mapping[str, _Run], came: Changed) -> None:
    """Complete the steps whose claims still stand, record their attempts and count down what follows them."""
    at = _text(now)
    rows = [(step_id, done.claimed.fence, done.output, at) for step_id, done in plain.items()]
    came.completed = {row[0] for row in execute(_DONE, (_json(rows),)).fetchall()}
    kept = [done.claimed for step_id, done in plain.items() if step_id in came.completed]
    if not kept:
        return
    attempts = [
        (one.step.id, one.fence, one.step.attempt, one.owner, _text(one.step.started_at or now), at) for one in kept
    ]
    execute(_ATTEMPTS, (_json(attempts),))
    lowered = execute(_COUNT_DOWN, (at, _json([one.step.id for one in kept]))).fetchall()
    for one in kept:
        runs[one.run.id].finish(one.step, at)
    for _, step_id, run_id, state, pending, held in sorted(lowered):
        if state == "ready" and pending == 0 and not held:
            came.opened.append(ReadyStep(step_id, run_id, runs[run_id].workspace))


def _claim(execute: Any, change: Change, runs: Mapping[str, _Run], came: Changed) -> None:
    """Claim the steps that are to be had."""
    at = _text(change.now)
    claimed = execute(_CLAIM, (change.owner, _text(change.until), at, _json(list(change.wanted)))).fetchall()
    for run_id, _, key, action, _, attempt, *_ in claimed:
        runs[run_id].start(key, action, attempt, at)
    came.claimed = [(step, runs[step[0]].usage()) for step in claimed]


def _json(value: Any) -> str:
    return to_json(value).decode()


def _execute(connection: Connection) -> Any:
    """Return the driver's own `execute`: one call of SQLAlchemy's costs as much as several of these."""
    driver = connection.connection.driver_connection
    assert driver is not None
    return driver.execute
