"""Joins in every RunStore: the last parent opens a step once, and what a step makes of parents that ended without a result."""

import threading
from concurrent.futures import ThreadPoolExecutor

from tests.support.run_store import ANN, NOW, kinds, plan, start, states, take
from tieout.model import RunState
from tieout.ports import Claimed, RunStore


def test_the_last_two_siblings_together_open_the_join_once(store: RunStore) -> None:
    rounds = 200
    with ThreadPoolExecutor(2) as pool:
        for _ in range(rounds):
            run = start(store, plan(left=(), right=(), join=("left", "right")))
            claims = [take(store, run, key) for key in ("left", "right")]
            barrier = threading.Barrier(2)

            def finish(claimed: Claimed, barrier: threading.Barrier = barrier) -> int:
                barrier.wait()
                return len(store.complete_step(claimed, {}, now=NOW))

            assert sorted(pool.map(finish, claims)) == [0, 1]
            assert states(store, run)["join"] == "ready"


def test_the_last_steps_together_end_the_run_once(store: RunStore) -> None:
    with ThreadPoolExecutor(2) as pool:
        for _ in range(20):
            run = start(store, plan(left=(), right=()))
            claims = [take(store, run, key) for key in ("left", "right")]
            list(pool.map(lambda claimed: store.complete_step(claimed, {}, now=NOW), claims))
            assert store.get_run(ANN, run.id).state is RunState.DONE
            assert kinds(store, run).count("run_finished") == 1
