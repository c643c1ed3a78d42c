"""The two transactions that happen for each step, a claim and a plain completion, in each database's own tongue.

What they do is what `store.claims.claim` and `store.outcomes.complete` do, in as few statements as the database
allows: those remain the way for everything that is not plain (limits, results that add steps, joins that do without a
parent, ends of runs that are not `done`). One contract suite runs over both.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Protocol

from sqlalchemy import String, bindparam, select

from store.database import Database
from store.rows import run_of
from store.tables import runs, steps
from tieout.model import Plan, Principal, ReadyStep, Run, RunRequest, RunState, Step, StepState, Usage
from tieout.ports import Claimed

_REMEMBERED = 2_048  # runs whose request and plan, which never change, are kept parsed


_done_steps = steps.c.run_id == bindparam("run", type_=String()), steps.c.state == StepState.DONE.value
_OUTPUT = select(steps.c.output).where(*_done_steps, steps.c.key == bindparam("key", type_=String()))
_DONE_KEYS = select(steps.c.key).where(*_done_steps).order_by(steps.c.position)


class QuickPath(Protocol):
    """Claims and completes plain steps."""

    known: KnownRuns

    def create(self, principal: Principal, request: RunRequest, plan: Plan, now: datetime) -> Run | None:
        """Insert a run with its steps; None, with nothing changed, where the general way has to do it."""
        ...

    def claim(self, step_id: str, owner: str, until: datetime, now: datetime) -> Claimed | None:
        """Claim the step, its lease standing `until`; None if it is not to be had."""
        ...

    def complete(self, claimed: Claimed, output: Mapping[str, Any], now: datetime) -> list[ReadyStep] | None:
        """Commit the output; return what opened, or None, with nothing changed, where this is not plain or stale."""
        ...


def quick_path(database: Database) -> QuickPath:
    """Return the one for the database's kind."""
    from store.quick_postgres import PostgresQuickPath
    from store.quick_sqlite import SqliteQuickPath

    return SqliteQuickPath(database) if database.sqlite else PostgresQuickPath(database)


class RunOutputs(Mapping[str, Mapping[str, Any]]):
    """The outputs of a run's finished steps by key, each read when it is asked for: a run may have thousands."""

    def __init__(self, database: Database, run_id: str) -> None:
        self._database = database
        self._run_id = run_id
        self._read: dict[str, Mapping[str, Any]] = {}

    def __getitem__(self, key: str) -> Mapping[str, Any]:
        if key not in self._read:
            values = {"run": self._run_id, "key": key}
            row = self._database.read(lambda connection: connection.execute(_OUTPUT, values).one_or_none())
            if row is None:
                raise KeyError(key)
            self._read[key] = row.output or {}
        return self._read[key]

    def __iter__(self) -> Iterator[str]:
        values = {"run": self._run_id}
        return iter(self._database.read(lambda connection: list(connection.execute(_DONE_KEYS, values).scalars())))

    def __len__(self) -> int:
        return sum(1 for _ in self)


class KnownRuns:
    """Runs as they were first read: who asked for what, and the pinned plan. The rest is set anew at each claim."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._runs: OrderedDict[str, Run] = OrderedDict()

    def remember(self, run: Run) -> None:
        """Keep a run that was just created here."""
        self._runs[run.id] = run
        while len(self._runs) > _REMEMBERED:
            self._runs.popitem(last=False)

    def get(self, run_id: str) -> Run:
        """Return the run; only what never changes of it is to be trusted."""
        run = self._runs.get(run_id)
        if run is None:
            run = run_of(self._database.read(lambda c: c.execute(select(runs).where(runs.c.id == run_id)).one()))
            self.remember(run)
        return run


def claimed_of(
    step: tuple[Any, ...], run: Run, run_row: tuple[Any, ...], owner: str, now: datetime, outputs: RunOutputs
) -> Claimed:
    """Return the claim of the columns that `STEP_COLUMNS` and `RUN_COLUMNS` name."""
    step_id, key, action, given, attempt, most, fence, timeout_s, output, signals, generation, spawned_by, since = step
    calls, tokens_in, tokens_out, cost, result, state = run_row
    return Claimed(
        Step(
            id=step_id,
            run_id=run.id,
            workspace=run.workspace,
            key=key,
            action=action,
            input=json.loads(given),
            state=StepState.RUNNING,
            pending=0,
            attempt=attempt,
            max_attempts=most,
            fence=fence,
            timeout_s=timeout_s,
            output=json.loads(output) if output is not None else None,
            started_at=now,
            signals=json.loads(signals) if signals is not None else {},
            generation=generation,
            spawned_by=spawned_by,
            ready_at=_moment(since),
        ),
        Run(
            id=run.id,
            workspace=run.workspace,
            principal=run.principal,
            request=run.request,
            plan=run.plan,
            state=RunState(state),
            created_at=run.created_at,
            updated_at=now,
            result=json.loads(result),
            usage=Usage(calls, tokens_in, tokens_out, Decimal(cost)),
            parent_step=run.parent_step,
        ),
        fence,
        outputs,
        owner,
    )


def _moment(at: datetime | str | None) -> datetime | None:
    """Return a time as the driver gives it: SQLite's is text, in UTC."""
    return datetime.fromisoformat(at).replace(tzinfo=UTC) if isinstance(at, str) else at and at.astimezone(UTC)


STEP_COLUMNS = (
    "id key action input attempt max_attempts fence timeout_s output signals generation spawned_by ready_at".split()
)
RUN_COLUMNS = "calls tokens_in tokens_out cost result state".split()


def columns(table: str, names: list[str]) -> str:
    """Return the names as SQL, each with its table."""
    return ", ".join(f"{table}.{name}" for name in names)
