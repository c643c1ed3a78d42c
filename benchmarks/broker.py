"""Claim: a hint reaches a worker in about a millisecond, and Redis hands out hints several times quicker than by polling.

`start` is from sending one hint to idle workers until its actor begins; `drain` is hints that do nothing, all waiting
when 8 worker threads begin, in one process and in two; `wake` is from a commit's announcement in one process until a
follower in another goes on. Beside them Dramatiq's own Redis broker, as it comes and looking every 20 ms. Redis and
PostgreSQL are this script's own, on the same machine; `redis_ping_ms` is the floor of anything over Redis.

    python benchmarks/broker.py [--hints N] [--json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from dramatiq import Actor
from dramatiq.broker import Broker
from dramatiq.brokers.redis import RedisBroker as DramatiqRedisBroker
from dramatiq.worker import Worker
from engine_machine import ping_ms

from pipelines.engine import brokers
from pipelines.engine.redis_changes import RedisChanges
from store.notify import PostgresChanges
from tests.support.servers import PostgresServer, RedisServer
from tieout.ports import Changes

THREADS = 8
SAMPLES = 100
KINDS = ("in process", "redis", "dramatiq redis", "dramatiq redis, 20 ms")


def make(kind: str, url: str) -> tuple[Broker, int]:
    """Return a broker and how often, in ms, its worker looks up."""
    if kind.startswith("dramatiq"):
        broker = DramatiqRedisBroker(url=url, middleware=[], namespace="dramatiq")
        return broker, 20 if "20" in kind else 1000
    made = brokers.in_process_broker() if kind == "in process" else brokers.redis_broker(url)
    return made, made.poll_ms


@contextmanager
def working(kind: str, url: str, do: Callable[[str], None]) -> Iterator[Callable[[], Actor[..., None]]]:
    """Give a function that starts the workers and returns the actor to send to."""
    broker, poll_ms = make(kind, url)
    actor = Actor(do, broker=broker, actor_name="execute_step", queue_name=brokers.QUEUE, priority=0, options={})
    worker = Worker(broker, worker_threads=THREADS, worker_timeout=poll_ms)
    started = False

    def start() -> Actor[..., None]:
        nonlocal started
        if not started:
            worker.start()
            started = True
        return actor

    try:
        yield start
    finally:
        if started:
            worker.stop()
        broker.close()


def start_ms(kind: str, url: str) -> list[float]:
    begun = threading.Event()
    at = [0.0]

    def do(_step_id: str) -> None:
        at[0] = time.perf_counter()
        begun.set()

    found = []
    with working(kind, url, do) as start:
        actor = start()
        for number in range(SAMPLES // 3):
            time.sleep(0.2 + number % 7 / 20)  # long enough for the workers to have gone idle, and out of step
            begun.clear()
            sent = time.perf_counter()
            actor.send("step_" + "0" * 26)
            assert begun.wait(30)
            found.append((at[0] - sent) * 1000)
    return found


def drain_per_s(kind: str, url: str, hints: int, processes: int) -> float:
    broker, _ = make(kind, url)
    actor = Actor(lambda _: None, broker=broker, actor_name="execute_step", queue_name="steps", priority=0, options={})
    messages = [actor.message(f"step_{number:026}") for number in range(hints)]
    if kind == "in process":
        return hints / _drain_here(broker, messages)
    for message in messages:
        broker.enqueue(message)
    context = get_context("spawn")
    results: Any = context.Queue()
    ready, go = context.Semaphore(0), context.Event()
    drained = [context.Process(target=_drain, args=(kind, url, ready, go, results)) for _ in range(processes)]
    for process in drained:
        process.start()
    for _ in drained:
        ready.acquire()
    began = time.time()
    go.set()
    ended = max(results.get(timeout=120) for _ in drained)
    for process in drained:
        process.join()
    broker.close()
    return hints / (ended - began)


def _drain_here(broker: Broker, messages: list[Any]) -> float:
    left, done = [len(messages)], threading.Event()
    lock = threading.Lock()

    def do(_step_id: str) -> None:
        with lock:
            left[0] -= 1
            if not left[0]:
                done.set()

    broker.actors.clear()
    Actor(do, broker=broker, actor_name="execute_step", queue_name=brokers.QUEUE, priority=0, options={})
    for message in messages:
        broker.enqueue(message)
    worker = Worker(broker, worker_threads=THREADS, worker_timeout=100)
    began = time.perf_counter()
    worker.start()
    assert done.wait(120)
    took = time.perf_counter() - began
    worker.stop()
    return took


def _drain(kind: str, url: str, ready: Any, go: Any, results: Any) -> None:
    """Work in a process of its own until nothing comes any more; say when the last hint was done."""
    last = [time.time()]

    def do(_step_id: str) -> None:
        last[0] = time.time()

    with working(kind, url, do) as start:
        ready.release()
        go.wait()
        start()
        while time.time() - last[0] < 1.5:
            time.sleep(0.1)
        results.put(last[0])


def wake_ms(make_changes: Callable[[], Changes]) -> list[float]:
    found = []
    with closing(make_changes()) as here, closing(make_changes()) as there:
        heard = threading.Event()
        at = [0.0]

        def wake() -> None:
            at[0] = time.perf_counter()
            heard.set()

        there.listen(wake, "run_a")
        while not heard.wait(0.1):
            here.notify("run_a")
        time.sleep(0.5)
        for _ in range(SAMPLES):
            time.sleep(0.02)
            heard.clear()
            told = time.perf_counter()
            here.notify("run_a")
            assert heard.wait(30)
            found.append((at[0] - told) * 1000)
    return found


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hints", type=int, default=8000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows: list[tuple[str, float]] = []
    with RedisServer() as server, PostgresServer() as postgres:
        rows.append(("redis_ping_ms", ping_ms(server.url, 500)))
        for kind in KINDS:
            name = kind.replace(", ", "_").replace(" ", "_")
            started = start_ms(kind, server.url)
            rows += [(f"{name}_start_p50_ms", statistics.median(started)), (f"{name}_start_p95_ms", p95(started))]
            rows.append((f"{name}_drain_per_s", drain_per_s(kind, server.url, options.hints, 1)))
            if "redis" in kind:
                rows.append((f"{name}_drain_2_processes_per_s", drain_per_s(kind, server.url, options.hints, 2)))
        ways: dict[str, Callable[[], Changes]] = {
            "redis": lambda: RedisChanges(server.url),
            "postgres": lambda: PostgresChanges(f"{postgres.url}/postgres"),
        }
        for name, way in ways.items():
            woken = wake_ms(way)
            rows += [(f"{name}_wake_p50_ms", statistics.median(woken)), (f"{name}_wake_p95_ms", p95(woken))]
    if options.json:
        print(json.dumps({name: round(value, 3) for name, value in rows}))
        return
    for name, value in rows:
        print(f"{name:45} {value:12,.2f}")


if __name__ == "__main__":
    main()
