"""A worker process of the crash tests: the real engine over the real store and broker, with points at which it ends.

Forked, not started anew, so that one that was killed is replaced within milliseconds.
"""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import structlog

from pipelines.engine.brokers import in_process_broker, redis_broker
from pipelines.engine.engine import DramatiqEngine
from pipelines.engine.hint_broker import HintBroker
from pipelines.engine.liveness import FileLiveness, LeaseLiveness
from store import database as database_module
from store.database import Database, open_database
from store.liveness import PostgresLiveness
from store.runs import SqlRunStore
from tests.support.channel_server import HttpChannel
from tests.support.crash_agent import Agents
from tests.support.crash_points import Point, arm
from tieout.backoff import Backoff
from tieout.execution import Executor
from tieout.model import Principal, RunRequest, SignOfLife, Worker, WorkerKind, new_id
from tieout.ports import Liveness, Parts, RunStore

ANN = Principal("ann", "desk")
BEN = Principal("ben", "desk")
QUICK = Backoff(first_s=0.02, provider_first_s=0.05, settle_s=(0.05, 0.1))
PRELOAD = ["tests.support.crash_worker", "pipelines.engine.redis_broker", "psycopg", "redis", "alembic.command"]


@dataclass(frozen=True)
class Job:
    """What a worker process is told."""

    url: str  # of the database
    redis_url: str | None
    channel: str  # address of the world outside
    folder: str
    points: tuple[Point, ...] = ()
    threads: int = 3
    lease_s: float = 30.0
    leases_only: bool = False  # no sign of life but the leases
    version: str = "1"
    model: str | None = None  # address of a model
    echo: int = 0  # each hint is delivered so many times more, and again when its step is done
    busy_timeout_s: float = 15.0
    log: str = "/dev/null"
    requests: tuple[RunRequest, ...] = field(default_factory=tuple)  # for `submit`


def launch(target: Any, job: Job) -> BaseProcess:
    """Fork a process for the job."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOAD)
    process = context.Process(target=target, args=(job,), daemon=True)
    process.start()
    return process


def submit(job: Job) -> None:
    """Create runs, as a door does, until killed."""
    _log_to(job)
    store = SqlRunStore(open_database(job.url))
    for point in job.points:
        arm(point, {"store": store}, Path(job.folder))
    for request in job.requests:
        plan = Agents(job.version).get(request.agent).plan(request)
        store.create_run(ANN, request, plan, now=datetime.now(UTC))


def work(job: Job) -> None:
    """Run steps until killed."""
    _log_to(job)
    database_module.BUSY_TIMEOUT_S = job.busy_timeout_s
    database = open_database(job.url)
    store = SqlRunStore(database)
    broker = redis_broker(job.redis_url) if job.redis_url else in_process_broker()
    channel = HttpChannel(job.channel)
    executor = Executor(store, Agents(job.version), _parts(job, channel), backoff=QUICK)
    engine = DramatiqEngine(
        broker,
        store,
        executor,
        new_id("owner"),
        workers=job.threads,
        lease_s=job.lease_s,
        liveness=_liveness(job, database),
    )
    if job.echo:
        _echo(store, broker, engine, job.echo)
    armed = {"store": store, "broker": broker, "channel": channel, "executor": executor, "model": executor._parts.model}
    for point in job.points:
        arm(point, armed, Path(job.folder), calm=lambda: _await_no_writer(database))
    engine.start()
    Path(job.folder, f"at work {os.getpid()}").touch()
    while True:
        time.sleep(3600)


def _await_no_writer(database: Database) -> None:
    """Return when nobody writes: a process that is stopped in a transaction of SQLite's stops all others, too."""
    if database.sqlite:
        with closing(sqlite3.connect(database.engine.url.database or "", isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")


def _log_to(job: Job) -> None:
    file = Path(job.log).open("a", buffering=1)  # noqa: SIM115 (it ends with the process)
    structlog.configure(logger_factory=structlog.WriteLoggerFactory(file))


def _parts(job: Job, channel: HttpChannel) -> Parts:
    nothing: Any = None
    return Parts(nothing, nothing, nothing, nothing, _model(job.model), channels={channel.name: channel})


def _model(url: str | None) -> Any:
    if url is None:
        return None
    from pipelines.providers.openai_compatible import OpenAICompatible
    from pipelines.providers.retry import RetryPolicy

    return OpenAICompatible(url, "test-model", retry=RetryPolicy(retries=0))


def _liveness(job: Job, database: Database) -> Liveness:
    if job.leases_only:
        return LeaseLiveness()
    if database.sqlite:
        return FileLiveness(Path(job.folder, "owners"))
    now, kind = datetime.now(UTC), WorkerKind.WORKER
    return PostgresLiveness(
        database,
        lambda owner: Worker(owner, kind, "here", os.getpid(), "", job.threads, "", SignOfLife.LOCK, now, now),
    )


def _echo(store: RunStore, broker: HintBroker, engine: DramatiqEngine, times: int) -> None:
    """Deliver hints again and again, as a broker does that hears of no acknowledgement."""
    send, complete, advance = broker.enqueue_many, store.complete_step, store.advance

    def enqueue_many(messages: Sequence[Any]) -> None:
        for _ in range(1 + times):
            send(messages)

    def complete_step(claimed: Any, *args: Any, **kwargs: Any) -> Any:
        opened = complete(claimed, *args, **kwargs)
        engine._hint([claimed.step.id] * times)
        return opened

    def advanced(*args: Any, **kwargs: Any) -> Any:
        came = advance(*args, **kwargs)
        engine._hint([*came.completed] * times)
        return came

    vars(broker)["enqueue_many"] = enqueue_many
    vars(store)["advance"] = advanced
    vars(store)["complete_step"] = complete_step
