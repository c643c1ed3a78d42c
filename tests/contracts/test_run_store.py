"""One suite for every RunStore: in memory, on SQLite, on PostgreSQL."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from store.database import open_database, open_in_memory
from store.runs import SqlRunStore
from tieout.errors import BudgetExceeded, Conflict, InvalidInput, NotFound, StaleFence
from tieout.model import Artifact, Plan, Principal, Run, RunRequest, RunState, StepSpec, StepState, Usage
from tieout.ports import Budget, Claimed, RunStore

NOW = datetime(2026, 3, 1, 9, 30, 0, 123456, tzinfo=UTC)
LATER = NOW + timedelta(seconds=5)
ANN = Principal("ann", "desk")
BEN = Principal("ben", "desk")
EVE = Principal("eve", "elsewhere")
ALIVE: Callable[[str], bool] = lambda owner: True  # noqa: E731


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunStore]:
    if request.param == "memory":
        in_memory = open_in_memory()
        yield SqlRunStore(in_memory)
        in_memory.close()
        return
    url = (
        f"sqlite:///{tmp_path / 'tieout.db'}" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    )
    database = open_database(url)
    yield SqlRunStore(database)
    database.close()


def plan(**after: tuple[str, ...]) -> Plan:
    """Return a plan of steps, each with the keys it waits for."""
    return Plan("toy", "1", tuple(StepSpec(key, "work", waits) for key, waits in after.items()))


CHAIN = plan(first=(), second=("first",), third=("second",))
DIAMOND = plan(split=(), left=("split",), right=("split",), join=("left", "right"))
SINGLE = plan(only=())


def start(store: RunStore, shape: Plan = SINGLE, who: Principal = ANN, **fields: Any) -> Run:
    return store.create_run(who, RunRequest("why?", **fields), shape, now=NOW)


def step_id(store: RunStore, run: Run, key: str) -> str:
    return next(step.id for step in store.steps(Principal(run.principal, run.workspace), run.id) if step.key == key)


def take(store: RunStore, run: Run, key: str, *, owner: str = "me", now: datetime = NOW) -> Claimed:
    store.promote_due(now=now)
    claimed = store.claim_step(step_id(store, run, key), owner, lease_s=30, now=now)
    assert claimed is not None
    return claimed


def states(store: RunStore, run: Run) -> dict[str, str]:
    return {step.key: step.state.value for step in store.steps(ANN, run.id)}


def kinds(store: RunStore, run: Run) -> list[str]:
    return [event.kind for event in store.events(ANN, run.id)]


# ---------------------------------------------------------------- creating and reading


def test_a_run_comes_back_as_it_was_created(store: RunStore) -> None:
    request = RunRequest(
        "What of Zürich\x00 \ud800?",
        tickers=("AAPL",),
        as_of=date(2022, 9, 24),
        params={"deep": {"z": 1, "a": [None, True, 1.5]}},
        token_budget=10,
        money_budget=Decimal("0.10"),
    )
    shape = Plan("toy", "7", (StepSpec("one", "work", input={"b": 1, "a": 2}, max_attempts=5, timeout_s=1.5),))
    run = store.create_run(ANN, request, shape, now=NOW)
    assert store.get_run(ANN, run.id) == run
    assert (run.request, run.plan, run.state, run.principal, run.workspace) == (
        request,
        shape,
        RunState.QUEUED,
        "ann",
        "desk",
    )
    assert run.created_at == run.updated_at == NOW
    assert run.created_at.tzinfo is UTC
    assert list(run.request.params["deep"]) == ["z", "a"]
    step = store.steps(ANN, run.id)[0]
    assert (step.input, step.max_attempts, step.timeout_s, step.state) == ({"b": 1, "a": 2}, 5, 1.5, StepState.READY)
    assert kinds(store, run) == ["run_submitted"]


def test_times_of_other_zones_come_back_as_the_same_moment_in_utc(store: RunStore) -> None:
    from zoneinfo import ZoneInfo

    run = store.create_run(ANN, RunRequest("?"), SINGLE, now=NOW.astimezone(ZoneInfo("Asia/Tokyo")))
    assert store.get_run(ANN, run.id).created_at == NOW


@pytest.mark.parametrize(
    "shape",
    [
        Plan("toy", "1", ()),
        plan(a=("b",)),
        plan(a=("b",), b=("a",)),
        Plan("toy", "1", (StepSpec("a", "x"), StepSpec("a", "y"))),
        Plan("toy", "1", (StepSpec("a", "x", max_attempts=0),)),
        Plan("toy", "1", (StepSpec("a" * 129, "x"),)),
        Plan("toy", "1", (StepSpec("a\x00", "x"),)),
    ],
    ids=["empty", "unknown parent", "circle", "twice", "no attempts", "long", "unprintable"],
)
def test_a_plan_that_cannot_be_carried_out_is_refused_and_leaves_nothing(store: RunStore, shape: Plan) -> None:
    with pytest.raises(InvalidInput):
        start(store, shape)
    assert store.list_runs(ANN) == []


def test_the_same_idempotency_key_gives_the_same_run(store: RunStore) -> None:
    first = start(store, idempotency_key="k")
    assert start(store, idempotency_key="k", who=BEN) == first
    assert start(store, idempotency_key="k", who=EVE).id != first.id
    assert start(store).id != start(store).id
    assert len(store.list_runs(ANN)) == 3


def test_the_same_key_for_another_request_is_a_conflict(store: RunStore) -> None:
    start(store, idempotency_key="k")
    with pytest.raises(Conflict, match="belongs to run_"):
        start(store, idempotency_key="k", tickers=("AAPL",))


@pytest.mark.parametrize("key", ["", "x" * 257, "nul\x00", "half \ud800"])
def test_an_idempotency_key_that_cannot_be_kept_is_refused(store: RunStore, key: str) -> None:
    with pytest.raises(InvalidInput, match="idempotency key"):
        start(store, idempotency_key=key)


def test_an_error_of_any_characters_and_length_is_kept(store: RunStore) -> None:
    run = start(store)
    store.fail_step(take(store, run, "only"), "bad \x00 \ud800 é" + "x" * 100_000, retry_at=None, now=NOW)
    failed = store.get_run(ANN, run.id)
    assert failed.state is RunState.FAILED
    assert (failed.error or "").startswith("only: bad \N{REPLACEMENT CHARACTER} ? é")
    assert len(failed.error or "") < 10_000


def test_the_same_key_from_many_threads_makes_one_run(store: RunStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        runs = list(pool.map(lambda _: start(store, CHAIN, idempotency_key="k"), range(16)))
    assert len({run.id for run in runs}) == 1
    assert len(store.steps(ANN, runs[0].id)) == 3


def test_a_workspace_sees_only_its_own(store: RunStore) -> None:
    run = start(store)
    calls: list[Callable[[], object]] = [
        lambda: store.get_run(EVE, run.id),
        lambda: store.steps(EVE, run.id),
        lambda: store.events(EVE, run.id),
        lambda: store.artifacts(EVE, run.id),
        lambda: store.cancel_run(EVE, run.id, now=NOW),
        lambda: store.resume_run(EVE, run.id, now=NOW),
    ]
    for call in calls:
        with pytest.raises(NotFound):
            call()
    assert store.list_runs(EVE) == []
    assert store.get_run(BEN, run.id) == run


def test_a_run_is_found_by_a_unique_prefix(store: RunStore) -> None:
    run, other = start(store), start(store)
    length = next(n for n in range(len(run.id)) if run.id[:n] != other.id[:n])
    assert store.get_run(ANN, run.id[:length]).id == run.id
    assert store.get_run(ANN, run.id[len("run_") :][: length - len("run_")]).id == run.id
    for bad in ("run_", "", "%", "run", run.id + "x", "run_%", "run_\x00", "\ud800", "é"):
        with pytest.raises(NotFound):
            store.get_run(ANN, bad)


def test_runs_are_listed_newest_first(store: RunStore) -> None:
    runs = [store.create_run(ANN, RunRequest(str(n)), SINGLE, now=NOW + timedelta(seconds=n)) for n in range(4)]
    store.cancel_run(ANN, runs[1].id, now=LATER)
    assert [run.request.question for run in store.list_runs(ANN)] == ["3", "2", "1", "0"]
    assert [run.request.question for run in store.list_runs(ANN, limit=2)] == ["3", "2"]
    assert [run.request.question for run in store.list_runs(ANN, states=[RunState.CANCELLED])] == ["1"]


# ---------------------------------------------------------------- the life of a run


def test_a_list_of_runs_leaves_their_results_out(store: RunStore) -> None:
    """A report's result holds all of its claims: a list of fifty would hold fifty reports."""
    run = start(store)
    store.complete_step(take(store, run, "only"), {}, now=LATER, run_result={"answer": "much"})
    (listed,) = store.list_runs(ANN)
    assert store.get_run(ANN, run.id) == replace(listed, result={"answer": "much"})
    assert listed.result == {}


def test_a_chain_runs_to_done(store: RunStore) -> None:
    run = start(store, CHAIN)
    for key, following in (("first", ["second"]), ("second", ["third"]), ("third", [])):
        assert [step.step_id for step in store.ready_steps(limit=9, now=NOW)] == [step_id(store, run, key)]
        claimed = take(store, run, key)
        assert claimed.run.state is RunState.RUNNING
        opened = store.complete_step(claimed, {"key": key}, now=LATER, run_result={key: 1})
        assert [step.step_id for step in opened] == [step_id(store, run, name) for name in following]
    done = store.get_run(ANN, run.id)
    assert (done.state, done.finished_at, done.result) == (RunState.DONE, LATER, {"first": 1, "second": 1, "third": 1})
    assert store.ready_steps(limit=9, now=NOW) == []
    assert kinds(store, run) == [
        "run_submitted",
        "run_started",
        *["step_started", "step_finished"] * 3,
        "run_finished",
    ]
    assert store.events(ANN, run.id)[-1].data == {"state": "done"}


def test_a_claim_carries_the_outputs_of_all_finished_steps(store: RunStore) -> None:
    run = start(store, DIAMOND)
    for key in ("split", "left", "right"):
        store.complete_step(take(store, run, key), {"from": key}, now=NOW)
    assert take(store, run, "join").inputs == {key: {"from": key} for key in ("split", "left", "right")}


def test_needs_review_is_how_the_run_ends(store: RunStore) -> None:
    run = start(store, plan(a=(), b=("a",)))
    store.complete_step(take(store, run, "a"), {}, now=NOW, run_state=RunState.NEEDS_REVIEW)
    assert store.get_run(ANN, run.id).state is RunState.RUNNING
    store.complete_step(take(store, run, "b"), {}, now=NOW, run_state=RunState.DONE)
    assert store.get_run(ANN, run.id).state is RunState.NEEDS_REVIEW


def test_needs_answer_ends_the_run_at_once(store: RunStore) -> None:
    run = start(store, DIAMOND)
    store.complete_step(take(store, run, "split"), {}, now=NOW)
    left, right = take(store, run, "left"), take(store, run, "right")
    store.complete_step(left, {}, now=NOW, run_state=RunState.NEEDS_ANSWER, run_result={"question": "which?"})
    ended = store.get_run(ANN, run.id)
    assert (ended.state, ended.result) == (RunState.NEEDS_ANSWER, {"question": "which?"})
    assert states(store, run) == {"split": "done", "left": "done", "right": "cancelled", "join": "cancelled"}
    with pytest.raises(StaleFence):
        store.complete_step(right, {}, now=NOW)


def test_events_are_numbered_without_gaps_and_read_from_anywhere(store: RunStore) -> None:
    run = start(store)
    claimed = take(store, run, "only")
    fence = (claimed.step.id, claimed.fence)
    for number in range(5):
        event = store.append_event(run.id, "thing_seen", {"n": number}, now=NOW, step="only", fence=fence)
        assert event == store.events(ANN, run.id)[-1]
    events = store.events(ANN, run.id)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert store.events(ANN, run.id, after=4) == events[4:]
    assert store.events(ANN, run.id, after=2, limit=2) == events[2:4]
    assert store.events(ANN, run.id, after=99) == []


def test_events_from_many_threads_have_no_gaps(store: RunStore) -> None:
    run = start(store)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: store.append_event(run.id, "thing_seen", {"n": n}, now=NOW), range(64)))
    events = store.events(ANN, run.id)
    assert [event.seq for event in events] == list(range(1, 66))
    assert {event.data["n"] for event in events[1:]} == set(range(64))


# ---------------------------------------------------------------- claims and fences


def test_of_many_claims_one_wins(store: RunStore) -> None:
    for _ in range(10):
        run = start(store)
        wanted = step_id(store, run, "only")
        barrier = threading.Barrier(4)

        def claim(owner: int, wanted: str = wanted, barrier: threading.Barrier = barrier) -> Claimed | None:
            barrier.wait()
            return store.claim_step(wanted, str(owner), lease_s=30, now=NOW)

        with ThreadPoolExecutor(4) as pool:
            won = [claimed for claimed in pool.map(claim, range(4)) if claimed]
        assert [(claimed.fence, claimed.step.attempt) for claimed in won] == [(1, 1)]
        assert kinds(store, run) == ["run_submitted", "run_started", "step_started"]


def test_a_step_is_not_to_be_had_unless_it_is_ready(store: RunStore) -> None:
    run = start(store, CHAIN)
    assert store.claim_step("step_unknown", "me", lease_s=30, now=NOW) is None
    assert store.claim_step(step_id(store, run, "second"), "me", lease_s=30, now=NOW) is None
    store.complete_step(take(store, run, "first"), {}, now=NOW)
    assert store.claim_step(step_id(store, run, "first"), "me", lease_s=30, now=NOW) is None


def test_every_write_of_a_lost_claim_is_refused(store: RunStore) -> None:
    run = start(store)
    old = take(store, run, "only")
    store.release_lost(now=NOW, alive=lambda owner: False)
    new = take(store, run, "only")
    assert new.fence > old.fence
    assert store.holds_claim(new)
    assert not store.holds_claim(old)
    artifact = Artifact(run.id, "a.txt", "text/plain", "0" * 64, 1)
    fence = (old.step.id, old.fence)
    late: list[Callable[[], object]] = [
        lambda: store.complete_step(old, {}, now=NOW),
        lambda: store.fail_step(old, "late", retry_at=None, now=NOW),
        lambda: store.hand_back(old, now=NOW),
        lambda: store.begin_effect(old, "key", "kind", {}, now=NOW),
        lambda: store.put_artifact(old, artifact, now=NOW),
        lambda: store.append_event(run.id, "thing_seen", {}, now=NOW, fence=fence),
    ]
    before = store.events(ANN, run.id)
    for write in late:
        with pytest.raises(StaleFence):
            write()
    assert store.events(ANN, run.id) == before
    assert store.artifacts(ANN, run.id) == []
    store.complete_step(new, {}, now=NOW)
    assert store.get_run(ANN, run.id).state is RunState.DONE


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


def test_ready_steps_take_workspaces_in_turn(store: RunStore) -> None:
    for _ in range(3):
        start(store, plan(a=(), b=()))
    start(store, plan(c=()), who=EVE)
    ready = store.ready_steps(limit=2, now=NOW)
    assert {step.workspace for step in ready} == {"desk", "elsewhere"}
    assert len(store.ready_steps(limit=99, now=NOW)) == 7


# ---------------------------------------------------------------- failures


def test_a_failed_step_is_retried_when_it_is_due(store: RunStore) -> None:
    run = start(store)
    store.fail_step(take(store, run, "only"), "no luck", retry_at=LATER, now=NOW)
    assert states(store, run) == {"only": "retry"}
    assert store.ready_steps(limit=9, now=NOW) == []
    wanted = step_id(store, run, "only")
    assert store.claim_step(wanted, "me", lease_s=30, now=NOW) is None
    assert store.promote_due(now=NOW) == ([], LATER)
    assert [step.step_id for step in store.promote_due(now=LATER)[0]] == [wanted]
    assert [step.step_id for step in store.ready_steps(limit=9, now=LATER)] == [wanted]
    again = take(store, run, "only", now=LATER)
    assert again.step.attempt == 2
    store.complete_step(again, {}, now=LATER)
    assert store.get_run(ANN, run.id).state is RunState.DONE
    retried = next(event for event in store.events(ANN, run.id) if event.kind == "step_retried")
    assert retried.data == {"attempt": 1, "error": "no luck", "retry_at": LATER.isoformat()}


@pytest.mark.parametrize("retry_at", [None, LATER])
def test_a_step_without_attempts_left_fails_the_run(store: RunStore, retry_at: datetime | None) -> None:
    attempts = 1 if retry_at else 3
    shape = Plan(
        "toy", "1", (StepSpec("a", "x", max_attempts=attempts), StepSpec("b", "x"), StepSpec("c", "x", ("a",)))
    )
    run = start(store, shape)
    other = take(store, run, "b")
    store.fail_step(take(store, run, "a"), "broken", retry_at=retry_at, now=LATER)
    failed = store.get_run(ANN, run.id)
    assert (failed.state, failed.error, failed.finished_at) == (RunState.FAILED, "a: broken", LATER)
    assert states(store, run) == {"a": "dead", "b": "cancelled", "c": "cancelled"}
    assert kinds(store, run)[-2:] == ["step_failed", "run_finished"]
    with pytest.raises(StaleFence):
        store.complete_step(other, {}, now=LATER)


def test_a_failed_run_resumes_and_keeps_what_is_finished(store: RunStore) -> None:
    run = start(store, CHAIN)
    store.complete_step(take(store, run, "first"), {"n": 1}, now=NOW)
    store.fail_step(take(store, run, "second"), "broken", retry_at=None, now=NOW)
    resumed = store.resume_run(BEN, run.id, now=LATER)
    assert (resumed.state, resumed.error, resumed.finished_at) == (RunState.QUEUED, None, None)
    assert states(store, run) == {"first": "done", "second": "ready", "third": "blocked"}
    claimed = take(store, run, "second", now=LATER)
    assert (claimed.step.attempt, claimed.inputs) == (1, {"first": {"n": 1}})
    store.complete_step(claimed, {}, now=LATER)
    store.complete_step(take(store, run, "third"), {}, now=LATER)
    assert store.get_run(ANN, run.id).state is RunState.DONE


def test_a_cancelled_run_resumes(store: RunStore) -> None:
    run = start(store, DIAMOND)
    store.complete_step(take(store, run, "split"), {}, now=NOW)
    store.complete_step(take(store, run, "left"), {}, now=NOW)
    running = take(store, run, "right")
    cancelled = store.cancel_run(BEN, run.id, now=NOW)
    assert cancelled.state is RunState.CANCELLED
    assert states(store, run) == {"split": "done", "left": "done", "right": "cancelled", "join": "cancelled"}
    assert not store.holds_claim(running)
    with pytest.raises(StaleFence):
        store.complete_step(running, {}, now=NOW)
    assert kinds(store, run)[-2:] == ["run_cancelled", "run_finished"]
    store.resume_run(ANN, run.id, now=LATER)
    assert states(store, run) == {"split": "done", "left": "done", "right": "ready", "join": "blocked"}
    store.complete_step(take(store, run, "right"), {}, now=LATER)
    store.complete_step(take(store, run, "join"), {}, now=LATER)
    assert store.get_run(ANN, run.id).state is RunState.DONE


def test_cancelling_or_resuming_a_finished_run_changes_nothing(store: RunStore) -> None:
    run = start(store)
    store.complete_step(take(store, run, "only"), {}, now=NOW)
    done = store.get_run(ANN, run.id)
    assert store.cancel_run(ANN, run.id, now=LATER) == done
    assert store.resume_run(ANN, run.id, now=LATER) == done


def test_resuming_a_running_run_brings_retries_forward_and_leaves_claims_alone(store: RunStore) -> None:
    run = start(store, plan(a=(), b=()))
    running = take(store, run, "a")
    store.fail_step(take(store, run, "b"), "wait", retry_at=NOW + timedelta(days=1), now=NOW)
    store.resume_run(ANN, run.id, now=LATER)
    assert states(store, run) == {"a": "running", "b": "ready"}
    assert store.holds_claim(running)


# ---------------------------------------------------------------- leases


def test_a_dead_owners_steps_are_ready_at_once(store: RunStore) -> None:
    run = start(store, plan(a=(), b=()))
    take(store, run, "a", owner="dead")
    kept = take(store, run, "b", owner="alive")
    freed = store.release_lost(now=NOW, alive=lambda owner: owner == "alive")
    assert [step.step_id for step in freed] == [step_id(store, run, "a")]
    assert states(store, run) == {"a": "ready", "b": "running"}
    assert store.holds_claim(kept)


def test_a_lease_that_ran_out_is_taken_and_one_renewed_is_not(store: RunStore) -> None:
    run = start(store, plan(a=(), b=(), c=()))
    for key in ("a", "b"):
        take(store, run, key)
    take(store, run, "c", owner="other")
    minute = NOW + timedelta(seconds=60)
    only = {step_id(store, run, "b"), step_id(store, run, "c")}
    assert store.renew_leases("me", lease_s=90, now=NOW, steps=only) == 1
    freed = store.release_lost(now=minute, alive=ALIVE)
    assert {step.step_id for step in freed} == {step_id(store, run, "a"), step_id(store, run, "c")}
    assert store.renew_leases("me", lease_s=90, now=minute) == 1


def test_a_step_that_kills_its_process_each_time_ends_dead(store: RunStore) -> None:
    run = start(store)
    for _ in range(3):
        take(store, run, "only")
        store.release_lost(now=NOW, alive=lambda owner: False)
    failed = store.get_run(ANN, run.id)
    assert failed.state is RunState.FAILED
    assert "attempt 3 of 3" in (failed.error or "")
    assert states(store, run) == {"only": "dead"}


def test_a_claim_handed_back_does_not_count(store: RunStore) -> None:
    run = start(store)
    for _ in range(5):
        store.hand_back(take(store, run, "only"), now=NOW)
    claimed = take(store, run, "only")
    assert (claimed.step.attempt, claimed.fence) == (1, 6)


# ---------------------------------------------------------------- effects and artifacts

CALL = Usage(1, 100, 50, Decimal("0.01"))
ESTIMATE = Usage(1, 1000, 500, Decimal("0.10"))


def test_an_effect_is_begun_once_and_its_outcome_kept(store: RunStore) -> None:
    run = start(store)
    claimed = take(store, run, "only")
    first = store.begin_effect(claimed, "k", "model_call", {"a": 1}, now=NOW, estimate=ESTIMATE)
    assert (first.fresh, first.attempts, first.outcome) == (True, 1, None)
    unknown = store.begin_effect(claimed, "k", "model_call", {"a": 1}, now=NOW, estimate=ESTIMATE)
    assert (unknown.fresh, unknown.attempts, unknown.outcome) == (False, 1, None)
    store.finish_effect("k", {"text": "yes"}, now=NOW, usage=CALL)
    store.finish_effect("k", {"text": "no"}, now=NOW, usage=CALL)
    known = store.begin_effect(claimed, "k", "model_call", {"a": 1}, now=NOW, estimate=ESTIMATE)
    assert (known.fresh, known.outcome) == (False, {"text": "yes"})
    assert store.get_run(ANN, run.id).usage == CALL


def test_an_effect_key_stands_for_one_thing(store: RunStore) -> None:
    run = start(store)
    claimed = take(store, run, "only")
    store.begin_effect(claimed, "k", "model_call", {"a": 1}, now=NOW)
    with pytest.raises(Conflict):
        store.begin_effect(claimed, "k", "model_call", {"a": 2}, now=NOW)


def test_an_unknown_attempt_stays_charged_with_its_estimate(store: RunStore) -> None:
    run = start(store)
    claimed = take(store, run, "only")
    for attempt in (1, 2):
        effect = store.begin_effect(claimed, "k", "call", {}, now=NOW, estimate=ESTIMATE, max_attempts=2)
        assert (effect.fresh, effect.attempts) == (True, attempt)
    assert not store.begin_effect(claimed, "k", "call", {}, now=NOW, estimate=ESTIMATE, max_attempts=2).fresh
    assert store.get_run(ANN, run.id).usage == ESTIMATE + ESTIMATE
    store.finish_effect("k", {}, now=NOW, usage=CALL)
    assert store.get_run(ANN, run.id).usage == ESTIMATE + CALL


def test_an_attempt_that_did_not_happen_is_taken_back(store: RunStore) -> None:
    run = start(store)
    claimed = take(store, run, "only")
    for _ in range(3):
        assert store.begin_effect(claimed, "k", "call", {}, now=NOW, estimate=ESTIMATE).attempts == 1
        store.withdraw_effect("k", now=NOW)
    assert store.get_run(ANN, run.id).usage == Usage()
    store.begin_effect(claimed, "k", "call", {}, now=NOW, estimate=ESTIMATE)
    store.withdraw_effect("k", now=NOW, usage=CALL)
    assert store.get_run(ANN, run.id).usage == CALL
    again = store.begin_effect(claimed, "k", "call", {}, now=NOW, estimate=ESTIMATE, max_attempts=2)
    assert (again.fresh, again.attempts) == (True, 2)
    store.finish_effect("k", {}, now=NOW, usage=CALL)
    store.withdraw_effect("k", now=NOW)
    assert store.get_run(ANN, run.id).usage == CALL + CALL


@pytest.mark.parametrize("budget", [Budget(tokens=2999), Budget(money=Decimal("0.19"))])
def test_the_budget_is_checked_before_the_effect(store: RunStore, budget: Budget) -> None:
    run = start(store)
    claimed = take(store, run, "only")
    store.begin_effect(claimed, "one", "call", {}, now=NOW, estimate=ESTIMATE, budget=budget)
    with pytest.raises(BudgetExceeded):
        store.begin_effect(claimed, "two", "call", {}, now=NOW, estimate=ESTIMATE, budget=budget)
    assert store.get_run(ANN, run.id).usage == ESTIMATE
    store.finish_effect("one", {}, now=NOW, usage=CALL)
    assert store.begin_effect(claimed, "two", "call", {}, now=NOW, estimate=ESTIMATE, budget=budget).fresh


def test_parallel_effects_do_not_pass_the_budget_together(store: RunStore) -> None:
    run = start(store, plan(**{f"s{n}": () for n in range(6)}))
    claims = [take(store, run, f"s{n}") for n in range(6)]

    def begin(claimed: Claimed) -> int:
        try:
            store.begin_effect(
                claimed, claimed.step.id, "call", {}, now=NOW, estimate=ESTIMATE, budget=Budget(tokens=4500)
            )
        except BudgetExceeded:
            return 0
        return 1

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(begin, claims)) == 3


def test_usage_arrives_even_after_the_run_was_cancelled(store: RunStore) -> None:
    run = start(store)
    store.begin_effect(take(store, run, "only"), "k", "call", {}, now=NOW, estimate=ESTIMATE)
    store.cancel_run(ANN, run.id, now=NOW)
    store.finish_effect("k", {}, now=NOW, usage=CALL)
    assert store.get_run(ANN, run.id).usage == CALL


def test_an_unknown_effect_cannot_be_finished(store: RunStore) -> None:
    with pytest.raises(NotFound):
        store.finish_effect("nothing", {}, now=NOW)
    with pytest.raises(NotFound):
        store.withdraw_effect("nothing", now=NOW)


def test_artifacts_are_kept_by_name_and_replaced(store: RunStore) -> None:
    run = start(store)
    claimed = take(store, run, "only")
    second = Artifact(run.id, "b.html", "text/html", "b" * 64, 2)
    first = Artifact(run.id, "a.md", "text/markdown", "a" * 64, 1)
    for artifact in (second, first, replace(first, sha256="c" * 64, size=3)):
        store.put_artifact(claimed, artifact, now=NOW)
    assert store.artifacts(ANN, run.id) == [replace(first, sha256="c" * 64, size=3), second]
