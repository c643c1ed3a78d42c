"""The two transactions that happen for each step, a claim and a plain completion, in each database's own tongue.

What they do is what `store.claims.claim` and `store.outcomes.complete` do, in as few statements as the database
allows: those remain the way for everything that is not plain (limits, results that add steps, joins that do without a
parent, ends of runs that are not `done`). One contract suite runs over both.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import String, bindparam, select

from store.database import Database
from store.rules import json_text
from store.tables import steps
from tieout.codec import load
from tieout.model import Plan, Principal, ReadyStep, Run, RunRequest, RunState, Step, StepState, Usage
from tieout.ports import Advanced, Claimed

_REMEMBERED = 2_048  # runs whose request and plan, which never change, are kept parsed


_done_steps = steps.c.run_id == bindparam("run", type_=String()), steps.c.state == StepState.DONE.value
_OUTPUT = select(steps.c.output).where(*_done_steps, steps.c.key == bindparam("key", type_=String()))
_DONE_KEYS = select(steps.c.key).where(*_done_steps).order_by(steps.c.position)


@dataclass(frozen=True, slots=True)
class Done:
    """A step's result on its way into the tables."""

    claimed: Claimed
    output: str  # as JSON


@dataclass(frozen=True, slots=True)
class Change:
    """A set of results, of claims that one owner asks for by the steps' ids, or both."""

    done: Sequence[Done]
    wanted: Sequence[str]
    owner: str
    until: datetime  # how long the leases of the claims stand
    now: datetime


@dataclass(slots=True)
class Changed:
    """What came of it: of each claim what `STEP_COLUMNS` and `RUN_COLUMNS` name."""

    completed: set[str] = field(default_factory=set)
    opened: list[ReadyStep] = field(default_factory=list)
    claimed: list[tuple[tuple[Any, ...], tuple[Any, ...]]] = field(default_factory=list)


class QuickPath(ABC):
    """Claims and completes plain steps, many as one set."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.known = KnownRuns(self._created)

    @abstractmethod
    def create(self, principal: Principal, request: RunRequest, plan: Plan, now: datetime) -> Run | None:
        """Insert a run with its steps; None, with nothing changed, where the general way has to do it."""

    @abstractmethod
    def _created(self, run_ids: Sequence[str]) -> Sequence[Sequence[Any]]:
        """Return what `CREATED_COLUMNS` names of each of the runs, as the driver gives it."""

    @abstractmethod
    def _change(self, change: Change) -> Changed:
        """Commit the results that are plain and whose claims stand, then the claims that are to be had."""

    def claim(self, step_id: str, owner: str, until: datetime, now: datetime) -> Claimed | None:
        """Claim the step, its lease standing `until`; None if it is not to be had."""
        claimed = self.advance((), (step_id,), owner, until, now).claimed
        return claimed[0] if claimed else None

    def complete(self, claimed: Claimed, output: Mapping[str, Any], now: datetime) -> Sequence[ReadyStep] | None:
        """Commit the output; return what opened, or None, with nothing changed, where the general way has to do it."""
        came = self.advance(((claimed, output),), (), "", now, now)
        return came.opened if came.completed else None

    def advance(
        self,
        results: Sequence[tuple[Claimed, Mapping[str, Any]]],
        wanted: Sequence[str],
        owner: str,
        until: datetime,
        now: datetime,
    ) -> Advanced:
        """Do what `RunStore.advance` does."""
        done = [Done(claimed, json_text(dict(output))) for claimed, output in results if claimed.fence == 1]
        if not (done or wanted):
            return Advanced()
        came = self._change(Change(done, wanted, owner, until, now))
        runs = self.known.get({step[0] for step, _ in came.claimed})
        claimed = [
            claimed_of(step, runs[step[0]], run, owner, now, RunOutputs(self._database, step[0]))
            for step, run in came.claimed
        ]
        return Advanced(frozenset(came.completed), came.opened, claimed)


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
    """Runs as they were created: who asked for what, and the pinned plan. The rest is set anew at each claim."""

    def __init__(self, read: Callable[[Sequence[str]], Sequence[Sequence[Any]]]) -> None:
        """`read` returns what `CREATED_COLUMNS` names, of the runs with some ids."""
        self._read = read
        self._runs: OrderedDict[str, Run] = OrderedDict()

    def remember(self, run: Run) -> None:
        """Keep a run that was just created here, or read."""
        self._runs[run.id] = run
        while len(self._runs) > _REMEMBERED:
            self._runs.popitem(last=False)

    def get(self, run_ids: Collection[str]) -> Mapping[str, Run]:
        """Return the runs by id; only what never changes of them is to be trusted."""
        runs = {run_id: run for run_id in run_ids if (run := self._runs.get(run_id)) is not None}
        unknown = [run_id for run_id in run_ids if run_id not in runs]
        for row in self._read(unknown) if unknown else ():
            run = _created_run(row)
            self.remember(run)
            runs[run.id] = run
        return runs


def _created_run(row: Sequence[Any]) -> Run:
    run_id, workspace, principal, request, plan, created_at, parent_step = row
    at = _moment(created_at) or datetime.min.replace(tzinfo=UTC)
    asked, pinned = load(RunRequest, json.loads(request)), load(Plan, json.loads(plan))
    return Run(run_id, workspace, principal, asked, pinned, RunState.QUEUED, at, at, parent_step=parent_step)


def claimed_of(
    step: tuple[Any, ...], run: Run, run_row: tuple[Any, ...], owner: str, now: datetime, outputs: RunOutputs
) -> Claimed:
    """Return the claim of the columns that `STEP_COLUMNS` and `RUN_COLUMNS` name."""
    (
        _,
        step_id,
        key,
        action,
        given,
        attempt,
        most,
        fence,
        timeout_s,
        output,
        signals,
        generation,
        spawned_by,
        since,
    ) = step
    calls, tokens_in, tokens_out, cost, result, state = run_row
    return Claimed(
        Step(
            id=step_id,
            run_id=run.id,
            workspace=run.workspace,
            key=key,
            action=action,
            input=_parsed(given),
            state=StepState.RUNNING,
            pending=0,
            attempt=attempt,
            max_attempts=most,
            fence=fence,
            timeout_s=timeout_s,
            output=_parsed(output) if output is not None else None,
            started_at=now,
            signals=_parsed(signals) if signals is not None else {},
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
            result=_parsed(result),
            usage=Usage(calls, tokens_in, tokens_out, Decimal(cost)),
            parent_step=run.parent_step,
        ),
        fence,
        outputs,
        owner,
    )


def _parsed(text: str) -> dict[str, Any]:
    """Return the object; most are empty."""
    return {} if text == "{}" else json.loads(text)


def _moment(given: str | datetime | None) -> datetime | None:
    """Return a time as a driver or JSON gives it: SQLite's is text in UTC that does not say so."""
    if given is None:
        return None
    at = datetime.fromisoformat(given) if isinstance(given, str) else given
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


STEP_COLUMNS = (
    "run_id id key action input attempt max_attempts fence timeout_s output signals generation spawned_by ready_at"
).split()
CREATED_COLUMNS = "id workspace principal request plan created_at parent_step".split()
RUN_COLUMNS = "calls tokens_in tokens_out cost result state".split()


def columns(table: str, names: list[str]) -> str:
    """Return the names as SQL, each with its table."""
    return ", ".join(f"{table}.{name}" for name in names)
