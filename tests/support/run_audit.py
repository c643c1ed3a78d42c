"""Holds the rows of the run tables against each other: what must be true after every single operation."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from sqlalchemy import Connection, select

from store.database import Database
from store.tables import attempts, events, runs, step_edges, steps, waits
from tieout.model import RunState

_SETTLED = ("done", "dead", "cancelled")
_GONE = ("dead", "cancelled")
_BUSY = ("ready", "running", "retry")


def check_records(database: Database) -> None:
    """Raise AssertionError that names the first counter, number or state that does not fit the others."""
    database.read(_check)


def _check(connection: Connection) -> None:
    def every(table: Any) -> list[Any]:
        return list(connection.execute(select(table)).all())

    by_run: dict[str, list[Any]] = defaultdict(list)
    by_id = {row.id: row for row in every(steps)}
    for row in by_id.values():
        by_run[row.run_id].append(row)
    parents: dict[str, list[Any]] = defaultdict(list)
    for edge in every(step_edges):
        parents[edge.child_id].append(by_id[edge.parent_id])
    open_waits = Counter(row.step_id for row in every(waits) if row.state == "open")
    for step in by_id.values():
        _check_step(step, parents[step.id], open_waits[step.id])
    ended = {(row.step_id, row.fence): row.outcome for row in every(attempts)}
    for step in by_id.values():
        if step.state == "done":
            assert ended.get((step.id, step.fence)) == "done", f"no attempt tells that {step.key} is done"
    numbers: dict[str, list[int]] = defaultdict(list)
    for event in every(events):
        numbers[event.run_id].append(event.seq)
    for run in every(runs):
        assert sorted(numbers[run.id]) == list(range(1, run.event_seq + 1)), "events have gaps"
        _check_run(run, by_run[run.id], open_waits)


def _check_step(step: Any, parents: list[Any], open_waits: int) -> None:
    about = f"{step.key} ({step.state}, pending {step.pending}, failed {step.failed})"
    unsettled = sum(parent.state not in _SETTLED for parent in parents)
    gone = sum(parent.state in _GONE for parent in parents)
    assert (step.state == "waiting") == (open_waits > 0), f"{about} has {open_waits} open waits"
    assert (step.state == "running") == (step.owner is not None) == (step.lease_until is not None), about
    if step.state in _GONE:
        return
    if step.state == "waiting":
        assert step.pending == open_waits, f"{about} has {open_waits} open waits"
        assert unsettled == 0, f"{about} waits before its parents"
    else:
        assert step.pending == unsettled, f"{about} has {unsettled} unsettled parents"
        assert (step.state == "blocked") == (unsettled > 0), about
    assert step.failed == gone, f"{about} has {gone} parents without a result"
    if step.state != "blocked" and gone:
        assert step.on_failed != "fail", f"{about} began without a parent"
        if step.on_failed == "quorum":
            assert len(parents) - gone >= step.quorum, f"{about} began without its quorum"
    assert 0 <= step.attempt <= step.max_attempts, about
    if step.state == "ready":
        assert step.ready_at is not None, about


def _check_run(run: Any, members: list[Any], open_waits: Counter[str]) -> None:
    about = f"{run.id} ({run.state}: {', '.join(f'{step.key} {step.state}' for step in members)})"
    left = [step for step in members if step.state not in _SETTLED]
    assert run.remaining == len(left), f"remaining is {run.remaining}: {about}"
    assert RunState(run.state).final == (not left), about
    assert (run.finished_at is not None) == RunState(run.state).final, about
    busy = any(step.state in _BUSY for step in left)
    if run.state == "paused":
        assert all(step.held for step in left), f"not all is held: {about}"
        return
    assert not any(step.held for step in left), f"something is held: {about}"
    if left:
        assert busy or any(open_waits[step.id] for step in left), f"nothing can go on: {about}"
        assert (run.state == "waiting") == (not busy), about
    if run.state == "queued":
        assert not any(step.state in ("running", "waiting") for step in left), about
