"""Which steps may start in every RunStore: fair over workspaces, by priority, and within limits."""

import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from store.database import Database
from store.runs import SqlRunStore
from tests.support.run_store import ANN, EVE, NOW, do, plan, planned, start, step, step_id
from tieout.model import Limit, Principal, Run, StepSpec
from tieout.ports import Claimed, RunStore

ROOT = Path(__file__).parents[3]
MODEL = planned(*(StepSpec(f"m{number}", "work", limit_key="model") for number in range(4)))


def ready_runs(store: RunStore, limit: int = 9, *, seconds: float = 0) -> list[str]:
    """Return the runs of the steps that may start, in their order."""
    return [one.run_id for one in store.ready_steps(limit=limit, now=NOW + timedelta(seconds=seconds))]


def claim(store: RunStore, run: Run, key: str = "only", *, seconds: float = 0) -> Claimed | None:
    """Claim a step so much later, if it is to be had."""
    return store.claim_step(step_id(store, run, key), "me", lease_s=30, now=NOW + timedelta(seconds=seconds))


# ---------------------------------------------------------------- fairness


def test_ready_steps_take_workspaces_in_turn(store: RunStore) -> None:
    for _ in range(3):
        start(store, plan(a=(), b=()))
    start(store, plan(c=()), who=EVE)
    ready = store.ready_steps(limit=2, now=NOW)
    assert {one.workspace for one in ready} == {"desk", "elsewhere"}
    assert len(store.ready_steps(limit=99, now=NOW)) == 7


def test_a_small_queue_does_not_wait_behind_a_large_one(store: RunStore) -> None:
    start(store, planned(*(step(f"n{number}") for number in range(500))))
    small = [start(store, plan(a=(), b=()), who=EVE) for _ in range(2)]
    ready = store.ready_steps(limit=8, now=NOW)
    assert Counter(one.workspace for one in ready) == {"desk": 4, "elsewhere": 4}
    assert {one.run_id for one in ready if one.workspace == "elsewhere"} == {run.id for run in small}


def test_every_workspace_is_first_in_its_turn(store: RunStore) -> None:
    names = [f"w{number}" for number in range(5)]
    for name in names:
        start(store, who=Principal("ann", name))
    firsts = [store.ready_steps(limit=1, now=NOW)[0].workspace for _ in range(10)]
    assert Counter(firsts) == dict.fromkeys(names, 2)


def test_no_workspace_is_left_out_however_many_there_are(store: RunStore) -> None:
    """One look serves 64 of them; their steps stay ready, as nobody claims them here."""
    names = {f"w{number:03}" for number in range(150)}
    for name in sorted(names):
        start(store, who=Principal("ann", name))
    seen: set[str] = set()
    for _ in range(150):
        seen |= {one.workspace for one in store.ready_steps(limit=10, now=NOW)}
    assert seen == names


def test_high_priority_comes_first_then_what_waits_longest(store: RunStore) -> None:
    low, usual, again, high = (start(store, priority=priority) for priority in (-5, 0, 0, 7))
    order = ready_runs(store)
    assert (order[0], set(order[1:3]), order[3]) == (high.id, {usual.id, again.id}, low.id)
    assert claim(store, high)
    assert ready_runs(store, 2) == order[1:3]


def test_added_steps_have_their_runs_priority(store: RunStore) -> None:
    usual, high = start(store), start(store, priority=3)
    do(store, high, "only", spawn=[step("x")])
    assert ready_runs(store) == [high.id, usual.id]


def test_priority_counts_within_a_workspace_only(store: RunStore) -> None:
    start(store, plan(a=(), b=(), c=()), priority=100)
    start(store, who=EVE, priority=-100)
    assert {one.workspace for one in store.ready_steps(limit=2, now=NOW)} == {"desk", "elsewhere"}


# ---------------------------------------------------------------- concurrency


def test_no_more_steps_of_a_workspace_run_than_its_limit_says(run_database: Database) -> None:
    store = SqlRunStore(run_database, limits={"workspace:desk": Limit(concurrency=2)})
    run, other = start(store, plan(a=(), b=(), c=())), start(store, who=EVE)
    first, second = claim(store, run, "a"), claim(store, run, "b")
    assert first
    assert second
    assert claim(store, run, "c") is None
    assert ready_runs(store) == [other.id]
    assert claim(store, other)
    store.complete_step(first, {}, now=NOW)
    assert ready_runs(store) == [run.id]
    assert claim(store, run, "c")


def test_a_limit_for_any_workspace_is_each_ones_own_and_a_named_one_goes_before(run_database: Database) -> None:
    limits = {"workspace:*": Limit(concurrency=1), "workspace:elsewhere": Limit(concurrency=2)}
    store = SqlRunStore(run_database, limits=limits)
    shape = plan(a=(), b=(), c=())
    runs = [start(store, shape, who=who) for who in (ANN, EVE, Principal("joe", "third"))]
    taken = [sum(claim(store, run, key) is not None for key in "abc") for run in runs]
    assert taken == [1, 2, 1]
    assert ready_runs(store) == []


def test_a_limit_by_key_counts_over_all_workspaces_and_lets_others_pass(run_database: Database) -> None:
    store = SqlRunStore(run_database, limits={"model": Limit(concurrency=2)})
    run, other = start(store, MODEL), start(store, MODEL, who=EVE)
    free = start(store)
    assert claim(store, run, "m0")
    held = claim(store, other, "m0")
    assert held
    assert claim(store, run, "m1") is None
    assert ready_runs(store) == [free.id]
    assert claim(store, free)
    store.hand_back(held, now=NOW)
    assert claim(store, run, "m1")


def test_a_key_without_a_limit_is_free(run_database: Database) -> None:
    store = SqlRunStore(run_database, limits={"other": Limit(concurrency=1)})
    run = start(store, MODEL)
    assert all(claim(store, run, f"m{number}") for number in range(4))


def test_a_step_counts_under_its_workspace_and_under_its_key(run_database: Database) -> None:
    store = SqlRunStore(run_database, limits={"workspace:*": Limit(concurrency=3), "model": Limit(per_s=1, burst=2)})
    run = start(store, MODEL)
    assert [claim(store, run, f"m{number}") is not None for number in range(4)] == [True, True, False, False]
    assert claim(store, run, "m2", seconds=1)
    assert claim(store, run, "m3", seconds=2) is None  # three run already
    store.release_lost(now=NOW, alive=lambda owner: False)
    assert claim(store, run, "m3", seconds=2)  # and no token was lost on the refusal


# ---------------------------------------------------------------- token buckets


def _starts(store: RunStore, run: Run, *, seconds: float) -> int:
    ids = [one.id for one in store.steps(ANN, run.id) if one.state.value == "ready"]
    now = NOW + timedelta(seconds=seconds)
    return sum(store.claim_step(one, "me", lease_s=30, now=now) is not None for one in ids)


def test_a_bucket_lets_a_burst_pass_and_then_its_rate(run_database: Database) -> None:
    store = SqlRunStore(run_database, limits={"model": Limit(per_s=2, burst=3)})
    run = start(store, planned(*(StepSpec(f"m{number}", "work", limit_key="model") for number in range(30))))
    assert _starts(store, run, seconds=0) == 3
    assert ready_runs(store) == []
    assert _starts(store, run, seconds=0.4) == 0
    assert len(ready_runs(store, 2, seconds=0.5)) == 2  # it says what may start, not how many of it
    assert _starts(store, run, seconds=0.5) == 1
    assert _starts(store, run, seconds=1) == 1
    assert _starts(store, run, seconds=100) == 3  # never more than the burst
    pieces = [_starts(store, run, seconds=100 + number / 10) for number in range(1, 51)]
    assert sum(pieces) == 10


def test_a_clock_that_runs_backwards_gives_no_tokens_and_takes_none(run_database: Database) -> None:
    store = SqlRunStore(run_database, limits={"model": Limit(per_s=1, burst=1)})
    run = start(store, planned(*(StepSpec(f"m{number}", "work", limit_key="model") for number in range(9))))
    assert _starts(store, run, seconds=10) == 1
    assert [_starts(store, run, seconds=back) for back in (5, 9, 0, 10)] == [0, 0, 0, 0]
    assert _starts(store, run, seconds=11) == 1
    assert _starts(store, run, seconds=10.5) == 0
    assert _starts(store, run, seconds=12) == 1


@pytest.mark.parametrize("why", ["not ready", "paused"])
def test_no_token_is_lost_on_a_step_that_is_not_to_be_had(run_database: Database, why: str) -> None:
    store = SqlRunStore(run_database, limits={"workspace:*": Limit(per_s=0.001, burst=2)})
    run, other = start(store), start(store)
    if why == "paused":
        store.pause_run(ANN, run.id, now=NOW)
    else:
        assert claim(store, run)
    for _ in range(5):
        assert claim(store, run) is None
    assert claim(store, other)


@pytest.mark.parametrize("wrong", [{"concurrency": 0}, {"per_s": 0}, {"per_s": -1.0}, {"burst": 0}])
def test_a_limit_under_which_nothing_could_start_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="a limit's"):
        Limit(**wrong)  # type: ignore[arg-type]


# ---------------------------------------------------------------- together


def test_threads_together_never_pass_a_limit(served: Database) -> None:
    limits = {"workspace:desk": Limit(concurrency=3), "model": Limit(per_s=0.001, burst=10)}
    stores = [SqlRunStore(served, limits=limits) for _ in range(2)]
    run = start(stores[0], planned(*(StepSpec(f"m{number}", "work", limit_key="model") for number in range(24))))
    ids = [one.id for one in stores[0].steps(ANN, run.id)]

    def attempt(number: int) -> Claimed | None:
        return stores[number % 2].claim_step(ids[number % 24], "me", lease_s=30, now=NOW)

    begun = 0
    with ThreadPoolExecutor(8) as pool:
        for _ in range(8):
            claims = [one for one in pool.map(attempt, range(48)) if one]
            assert len(claims) <= 3
            begun += len(claims)
            for one in claims:
                stores[0].complete_step(one, {}, now=NOW)
    assert begun == 10


_GREEDY = """
import sys
from datetime import UTC, datetime
from store.database import open_database
from store.runs import SqlRunStore
from tieout.model import Limit
database = open_database(sys.argv[1])
store = SqlRunStore(database, limits={"workspace:*": Limit(concurrency=5)})
now = datetime(2026, 3, 1, 9, 31, tzinfo=UTC)
print(sum(store.claim_step(step, sys.argv[2], lease_s=600, now=now) is not None for step in sys.argv[3:]))
database.close()
"""


def test_processes_together_never_pass_a_limit(served: Database) -> None:
    store = SqlRunStore(served)
    run = start(store, planned(*(step(f"n{number}") for number in range(20))))
    ids = [one.id for one in store.steps(ANN, run.id)]
    url = served.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", _GREEDY, url]
    processes = [
        subprocess.Popen([*command, owner, *order], stdout=subprocess.PIPE, text=True, cwd=ROOT)
        for owner, order in (("one", ids), ("two", ids[::-1]))
    ]
    taken = [int(process.communicate()[0]) for process in processes]
    assert sum(taken) == 5
