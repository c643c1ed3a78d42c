"""Runs as a whole in every RunStore: created once, read, listed, ended, resumed; their events."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, timedelta
from decimal import Decimal

import pytest

from tests.support.run_store import (
    ANN,
    BEN,
    CHAIN,
    DIAMOND,
    EVE,
    LATER,
    NOW,
    SINGLE,
    kinds,
    plan,
    start,
    states,
    step_id,
    take,
)
from tieout.errors import Conflict, InvalidInput, NotFound, StaleFence
from tieout.model import Plan, RunRequest, RunState, StepSpec, StepState
from tieout.ports import RunStore


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
