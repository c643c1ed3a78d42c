"""A worker's thread that goes from step to step: what it asks the hints for, and what it gives back."""

import threading
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from tests.tieout.test_execution import ANN, Desk, raising
from tieout.errors import InvalidInput
from tieout.model import ReadyStep, Run, RunState, StepSpec
from tieout.ports import Claimed, StepContext, StepOutcome
from tieout.step_context import Execution


class Queue:
    """Hints in memory, and what was heard."""

    def __init__(self, *step_ids: str) -> None:
        self.waiting = deque(step_ids)
        self.heard: list[str] = []

    def take(self, most: int) -> list[str]:
        return [self.waiting.popleft() for _ in range(min(most, len(self.waiting)))]

    def opened(self, steps: Sequence[ReadyStep]) -> None:
        self.heard += [step.step_id for step in steps]


def ids(desk: Desk, *runs: Run) -> list[str]:
    return [desk.store.steps(ANN, run.id)[0].id for run in runs]


def go_on(desk: Desk, hints: Queue) -> None:
    (first,) = hints.take(1)
    desk.executor.execute_steps(first, hints, owner="me", lease_s=30)


def test_all_that_is_hinted_at_is_done_in_turn() -> None:
    desk = Desk(lambda context: StepOutcome({}))
    runs = [desk.submit() for _ in range(5)]
    go_on(desk, Queue(*ids(desk, *runs)))
    assert {desk.store.get_run(ANN, run.id).state for run in runs} == {RunState.DONE}
    assert desk.executor.running() == set()


def test_a_hint_at_nothing_does_not_end_the_round() -> None:
    desk = Desk(lambda context: StepOutcome({}))
    runs = [desk.submit() for _ in range(2)]
    first, second = ids(desk, *runs)
    go_on(desk, Queue("step_unknown", first, "step_unknown", first, second))
    assert {desk.store.get_run(ANN, run.id).state for run in runs} == {RunState.DONE}


def test_a_step_that_fails_is_followed_by_the_next() -> None:
    desk = Desk(raising(RuntimeError("broken")))
    runs = [desk.submit() for _ in range(2)]
    go_on(desk, Queue(*ids(desk, *runs)))
    assert [desk.store.steps(ANN, run.id)[0].state.value for run in runs] == ["retry", "done"]


def test_a_result_that_is_not_plain_takes_no_hint_along() -> None:
    hints = Queue()
    waiting_meanwhile: list[int] = []

    def action(context: object) -> StepOutcome:
        waiting_meanwhile.append(len(hints.waiting))
        return StepOutcome({}, spawn=(StepSpec("more", "act"),) if len(waiting_meanwhile) == 1 else ())

    desk = Desk(action)
    run, other = desk.submit(), desk.submit()
    hints.waiting.extend(ids(desk, run, other))
    go_on(desk, hints)
    assert waiting_meanwhile == [1, 0]
    (more,) = [step for step in desk.store.steps(ANN, run.id) if step.key == "more"]
    assert hints.heard == [more.id]
    assert desk.store.get_run(ANN, other.id).state is RunState.DONE


def test_the_hint_of_a_step_whose_completion_came_too_late_is_not_lost() -> None:
    def action(context: object) -> StepOutcome:
        if not lost:
            lost.append(1)
            desk.store.release_lost(now=datetime.now(UTC), alive=lambda owner: False)
        return StepOutcome({})

    lost: list[int] = []
    desk = Desk(action)
    run, other = desk.submit(), desk.submit()
    go_on(desk, Queue(*ids(desk, run, other)))
    assert desk.store.steps(ANN, run.id)[0].state == "ready"
    assert desk.store.get_run(ANN, other.id).state is RunState.DONE


def test_what_an_action_returns_because_its_process_stops_is_not_its_result() -> None:
    """The stop gives the action up before the store takes the step back; the action may be the quicker one."""

    def action(context: StepContext) -> StepOutcome:
        hand_back = desk.store.hand_back

        def after_the_action(claimed: Claimed, *, now: datetime) -> None:
            stopped.set()
            returned.wait(10)
            hand_back(claimed, now=now)

        desk.store.hand_back = after_the_action  # type: ignore[method-assign]
        stopping.start()
        stopped.wait(10)
        assert context.cancelled()
        return StepOutcome({"read": []})

    stopped, returned = threading.Event(), threading.Event()
    desk = Desk(action)
    stopping = threading.Thread(target=lambda: desk.executor.hand_back_all())
    go_on(desk, Queue(*ids(desk, run := desk.submit())))
    returned.set()
    stopping.join(10)
    (step,) = desk.store.steps(ANN, run.id)
    assert (step.state, step.attempt, step.output) == ("ready", 0, None)


def test_what_waits_behind_a_slow_step_is_handed_back_uncounted() -> None:
    def action(context: StepContext) -> StepOutcome:
        if context.run.id == slow.id:
            begun.set()
            assert go.wait(60)
        return StepOutcome({})

    begun, go = threading.Event(), threading.Event()
    desk = Desk(action)
    quick, slow, *behind = [desk.submit() for _ in range(2 + 5)]
    for _ in range(1000):
        desk.executor._turns.took(0.0)  # steps have been quick so far
    thread = threading.Thread(target=go_on, args=(desk, Queue(*ids(desk, quick, slow, *behind))), daemon=True)
    thread.start()
    assert begun.wait(60)
    assert desk.executor.running() >= set(ids(desk, slow, *behind))
    assert desk.executor.hand_back_waiting(after_s=60.0) == 0
    assert desk.executor.hand_back_waiting(after_s=0.0) == len(behind)
    assert desk.executor.running() == set(ids(desk, slow))
    for run in behind:
        (step,) = desk.store.steps(ANN, run.id)
        assert (step.state, step.attempt) == ("ready", 0)
    go.set()
    thread.join(60)
    assert desk.store.get_run(ANN, slow.id).state is RunState.DONE


def test_a_stop_hands_back_what_was_claimed_ahead() -> None:
    desk = Desk(lambda context: StepOutcome({}))
    runs = [desk.submit() for _ in range(6)]
    turns = desk.executor._turns
    for _ in range(1000):
        turns.took(0.0)
    hints = Queue(*ids(desk, *runs))
    assert turns.next(hints.take, lambda posted, wanted: desk.executor._advance(posted, wanted, "me", 30)[1])
    assert desk.executor.hand_back_all() == 6
    assert {desk.store.steps(ANN, run.id)[0].state.value for run in runs} == {"ready"}


def test_one_result_that_the_store_refuses_harms_no_other() -> None:
    """As one might that is too large for the database: the set fails, and then each is committed by itself."""
    desk = Desk(lambda context: StepOutcome({"of": context.run.id}))
    runs = [desk.submit() for _ in range(3)]
    claims = [desk.store.claim_step(step_id, "me", lease_s=30, now=datetime.now(UTC)) for step_id in ids(desk, *runs)]
    posted = [(Execution(claimed), StepOutcome({})) for claimed in claims if claimed is not None]
    advance, complete = desk.store.advance, desk.store.complete_step

    def refused(results: Any, *args: Any, **kwargs: Any) -> Any:
        if any(claimed.run.id == runs[1].id for claimed, _ in results):
            raise InvalidInput("too large")
        return advance(results, *args, **kwargs)

    def refused_alone(claimed: Claimed, *args: Any, **kwargs: Any) -> Any:
        if claimed.run.id == runs[1].id:
            raise InvalidInput("too large")
        return complete(claimed, *args, **kwargs)

    desk.store.advance = refused  # type: ignore[method-assign]
    desk.store.complete_step = refused_alone  # type: ignore[method-assign]
    desk.executor._advance(posted, [], "me", 30)
    assert [desk.store.get_run(ANN, run.id).state.value for run in runs] == ["done", "failed", "done"]
    assert "too large" in (desk.store.get_run(ANN, runs[1].id).error or "")
