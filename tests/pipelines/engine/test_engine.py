"""Whole runs through real brokers and stores."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipelines.engine.drive import run_until_final
from pipelines.engine.engine import DramatiqEngine
from tieout.model import Run, RunRequest, RunState
from tieout.ports import RunStore

Wiring = tuple[RunStore, str | None]


class Bench:
    """A store, an engine and a file of witness."""

    def __init__(self, toy: Any, wiring: Wiring, folder: Path) -> None:
        self.toy = toy
        self.store, self.redis_url = wiring
        self.file = folder / "witness"
        self.file.touch()
        self.engine: DramatiqEngine = toy.build(self.store, self.redis_url, workers=3, lease_s=5)

    def submit(self, **params: Any) -> Run:
        request = RunRequest("?", agent="toy", params={"witness": str(self.file), **params})
        return self.store.create_run(self.toy.ANN, request, self.toy.plan(request), now=datetime.now(UTC))

    def finish(self, run: Run) -> Run:
        return run_until_final(self.store, self.engine, self.toy.ANN, run.id, timeout_s=60)

    def wait_for(self, what: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not what():
            assert time.monotonic() < deadline, "it did not come to pass"
            time.sleep(0.01)

    def did(self, run: Run, what: str = "did") -> Counter[str]:
        lines = [line.split() for line in self.file.read_text().splitlines()]
        return Counter(key for word, run_id, key in lines if (word, run_id) == (what, run.id))


@pytest.fixture
def bench(toy: Any, wiring: Wiring, tmp_path: Path) -> Iterator[Bench]:
    toy.PARKED.clear()
    bench = Bench(toy, wiring, tmp_path)
    yield bench
    toy.PARKED.set()
    bench.engine.stop(timeout_s=10)


def test_a_run_fans_out_and_in_and_ends_done(bench: Bench) -> None:
    run = bench.submit()
    done = bench.finish(run)
    assert done.state is RunState.DONE
    assert bench.did(run) == Counter(list(bench.toy.FIVE))
    outputs = {step.key: step.output for step in bench.store.steps(bench.toy.ANN, run.id)}
    assert outputs["write"] == {"read": ["facts", "plan", "spans"]}
    assert done.result == dict.fromkeys(bench.toy.FIVE, True)


def test_many_runs_at_once_do_each_step_once(bench: Bench) -> None:
    bench.engine.start()
    runs = [bench.submit() for _ in range(12)]
    bench.engine.wake()
    bench.wait_for(lambda: all(run.state.final for run in bench.store.list_runs(bench.toy.ANN)))
    assert {run.state for run in bench.store.list_runs(bench.toy.ANN)} == {RunState.DONE}
    for run in runs:
        assert bench.did(run) == Counter(list(bench.toy.FIVE))


def test_hints_sent_twice_or_for_nothing_do_nothing(bench: Bench) -> None:
    run = bench.submit()
    ids = [step.id for step in bench.store.steps(bench.toy.ANN, run.id)]
    bench.engine.start()
    for _ in range(5):
        for step_id in (*ids, "step_that_never_was"):
            bench.engine._hint(step_id)
    assert bench.finish(run).state is RunState.DONE
    assert bench.did(run) == Counter(list(bench.toy.FIVE))


def test_a_flaky_step_is_retried_until_it_works(bench: Bench) -> None:
    run = bench.submit(shape={"only": []}, actions={"only": "flaky"})
    assert bench.finish(run).state is RunState.DONE
    kinds = [event.kind for event in bench.store.events(bench.toy.ANN, run.id)]
    assert kinds.count("step_retried") == 2


def test_a_step_that_cannot_succeed_fails_the_run_at_once(bench: Bench) -> None:
    run = bench.submit(shape={"a": [], "b": ["a"]}, actions={"a": "bad"})
    failed = bench.finish(run)
    assert (failed.state, failed.error) == (RunState.FAILED, "a: there is no such day")
    assert bench.did(run) == Counter()


def test_a_question_back_ends_the_run(bench: Bench) -> None:
    run = bench.submit(shape={"a": [], "b": ["a"]}, actions={"a": "ask"})
    asked = bench.finish(run)
    assert (asked.state, asked.result) == (RunState.NEEDS_ANSWER, {"question": "which Apple?"})


def test_an_unknown_action_is_left_to_a_worker_that_has_it_and_named_meanwhile(bench: Bench) -> None:
    run = bench.submit(shape={"a": []}, actions={"a": "fly"})
    bench.engine.start()
    bench.wait_for(lambda: bench.store.steps(bench.toy.ANN, run.id)[0].error is not None)
    step = bench.store.steps(bench.toy.ANN, run.id)[0]
    assert "no action 'fly'" in (step.error or "")
    assert (step.state.value, step.attempt) in (("retry", 0), ("ready", 0), ("running", 1))
    assert bench.store.get_run(bench.toy.ANN, run.id).state is RunState.RUNNING


def test_a_running_step_sees_that_its_run_was_cancelled(bench: Bench) -> None:
    run = bench.submit(shape={"a": [], "b": ["a"]}, actions={"a": "park"})
    bench.engine.start()
    bench.wait_for(lambda: bench.did(run, "parked").total() == 1)
    bench.store.cancel_run(bench.toy.ANN, run.id, now=datetime.now(UTC))
    bench.wait_for(lambda: bench.did(run, "saw_cancel").total() == 1)
    bench.wait_for(lambda: bench.did(run).total() == 1)
    assert bench.store.get_run(bench.toy.ANN, run.id).state is RunState.CANCELLED
    bench.wait_for(lambda: bench.store.steps(bench.toy.ANN, run.id)[0].output is not None)
    step = bench.store.steps(bench.toy.ANN, run.id)[0]
    assert (step.state.value, step.output) == ("cancelled", {"read": []})


def test_a_step_over_its_time_limit_is_retried_and_its_late_outcome_dropped(bench: Bench) -> None:
    run = bench.submit(shape={"a": []}, actions={"a": "park"}, limits={"a": 0.2})
    failed = bench.finish(run)
    assert failed.state is RunState.FAILED
    assert failed.error == "a: step 'a' ran longer than its limit of 0.2 s"
    assert bench.did(run, "parked") == Counter(a=3)


def test_a_stop_lets_running_steps_finish(bench: Bench) -> None:
    run = bench.submit(shape={"a": [], "b": ["a"]}, actions={"a": "park"})
    bench.engine.start()
    bench.wait_for(lambda: bench.did(run, "parked").total() == 1)
    threading.Timer(0.3, bench.toy.PARKED.set).start()
    bench.engine.stop(timeout_s=30)
    states = [step.state.value for step in bench.store.steps(bench.toy.ANN, run.id)]
    assert states == ["done", "ready"]
    assert bench.finish(run).state is RunState.DONE
    assert bench.did(run) == Counter(["a", "b"])


def test_a_stop_hands_back_what_does_not_finish_and_counts_no_attempt(bench: Bench) -> None:
    run = bench.submit(shape={"a": []}, actions={"a": "park"})
    bench.engine.start()
    bench.wait_for(lambda: bench.did(run, "parked").total() == 1)
    bench.engine.stop(timeout_s=0.1)
    step = bench.store.steps(bench.toy.ANN, run.id)[0]
    assert (step.state.value, step.attempt) == ("ready", 0)
    bench.toy.PARKED.set()
    assert bench.finish(run).state is RunState.DONE


def test_leases_of_long_steps_are_renewed(toy: Any, wiring: Wiring, tmp_path: Path) -> None:
    """A step runs for several leases while another engine sweeps; nobody takes it away."""
    toy.PARKED.clear()
    bench = Bench(toy, wiring, tmp_path)
    bench.engine = toy.build(bench.store, bench.redis_url, workers=1, lease_s=0.6)
    run = bench.submit(shape={"a": []}, actions={"a": "park"})
    bench.engine.start()
    try:
        bench.wait_for(lambda: bench.did(run, "parked").total() == 1)
        for _ in range(20):
            time.sleep(0.1)
            bench.store.release_lost(now=datetime.now(UTC), alive=lambda owner: True)
        toy.PARKED.set()
        bench.wait_for(lambda: bench.store.get_run(toy.ANN, run.id).state.final)
    finally:
        toy.PARKED.set()
        bench.engine.stop()
    assert bench.did(run, "parked") == Counter(a=1)


def test_a_full_disk_stops_the_wait_with_a_reason_and_the_run_goes_on_later(toy: Any, tmp_path: Path) -> None:
    from sqlalchemy import event

    from store.database import open_database
    from store.runs import SqlRunStore
    from tieout.errors import StorageFull

    database = open_database(f"sqlite:///{tmp_path / 'tieout.db'}")
    limit = {"pages": 1_000_000}

    def narrow(connection: Any, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {limit['pages']}")

    def begin_anew() -> None:
        database.close()  # the next connection has the limit that holds then

    event.listen(database.engine, "connect", narrow)
    bench = Bench(toy, (SqlRunStore(database), None), tmp_path)
    run = bench.submit(shape={"a": [], "b": ["a"]}, actions={"a": "swell"})
    limit["pages"] = 1  # SQLite takes this as "no page more than there are"
    begin_anew()
    with pytest.raises(StorageFull, match="full"):
        bench.finish(run)
    assert not bench.store.get_run(toy.ANN, run.id).state.final
    limit["pages"] = 1_000_000
    begin_anew()
    assert bench.finish(run).state is RunState.DONE
    database.close()


def test_a_redis_that_forgets_everything_loses_no_run(
    toy: Any, redis_url: str, postgres_url: str, tmp_path: Path
) -> None:
    import redis

    from store.database import open_database
    from store.runs import SqlRunStore

    database = open_database(postgres_url)
    bench = Bench(toy, (SqlRunStore(database), redis_url), tmp_path)
    runs = [bench.submit() for _ in range(15)]
    bench.engine.start()
    try:
        with redis.Redis.from_url(redis_url) as client:
            while not all(run.state.final for run in bench.store.list_runs(toy.ANN)):
                client.flushall()
                time.sleep(0.3)
    finally:
        bench.engine.stop()
        database.close()
    for run in runs:
        assert bench.did(run) == Counter(list(toy.FIVE))
