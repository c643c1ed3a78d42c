"""A worker's thread that goes from step to step: what it asks the hints for, and what it gives back."""

import threading
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime

from tests.tieout.test_execution import ANN, Desk, raising
from tieout.model import ReadyStep, Run, RunState, StepSpec
from tieout.ports import Claimed, StepContext, StepOutcome


class Queue:
    """Hints in memory, and what was heard."""

    def __init__(self, *step_ids: str) -> None:
        self.waiting = deque(step_ids)
        self.heard: list[str] = []

    def take(self) -> str | None:
        return self.waiting.popleft() if self.waiting else None

    def put_back(self, step_id: str) -> None:
        self.waiting.append(step_id)

    def opened(self, steps: Sequence[ReadyStep]) -> None:
        self.heard += [step.step_id for step in steps]


def ids(desk: Desk, *runs: Run) -> list[str]:
    return [desk.store.steps(ANN, run.id)[0].id for run in runs]


def go(desk: Desk, hints: Queue) -> None:
    first = hints.take()
    assert first is not None
    desk.executor.execute_steps(first, hints, owner="me", lease_s=30)


def test_all_that_is_hinted_at_is_done_in_turn() -> None:
    desk = Desk(lambda context: StepOutcome({}))
    runs = [desk.submit() for _ in range(5)]
    go(desk, Queue(*ids(desk, *runs)))
    assert {desk.store.get_run(ANN, run.id).state for run in runs} == {RunState.DONE}
    assert desk.executor.running() == set()


def test_a_hint_at_nothing_does_not_end_the_round() -> None:
    desk = Desk(lambda context: StepOutcome({}))
    runs = [desk.submit() for _ in range(2)]
    first, second = ids(desk, *runs)
    go(desk, Queue("step_unknown", first, "step_unknown", first, second))
    assert {desk.store.get_run(ANN, run.id).state for run in runs} == {RunState.DONE}


def test_a_step_that_fails_is_followed_by_the_next() -> None:
    desk = Desk(raising(RuntimeError("broken")))
    runs = [desk.submit() for _ in range(2)]
    go(desk, Queue(*ids(desk, *runs)))
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
    go(desk, hints)
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
    go(desk, Queue(*ids(desk, run, other)))
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
    go(desk, Queue(*ids(desk, run := desk.submit())))
    returned.set()
    stopping.join(10)
    (step,) = desk.store.steps(ANN, run.id)
    assert (step.state, step.attempt, step.output) == ("ready", 0, None)
