"""The executor when the installation is in trouble: a full disk, a busy database, a worker of another version."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from store.database import DatabaseAway, DatabaseBusy, open_in_memory
from store.runs import SqlRunStore
from tieout.backoff import Backoff
from tieout.errors import NotFound, ProviderUnavailable, RateLimited, StorageFull, TieoutError
from tieout.execution import Executor
from tieout.model import (
    ModelAnswer,
    ModelMessage,
    Plan,
    Principal,
    ReadyStep,
    Run,
    RunRequest,
    RunState,
    StepSpec,
    StepState,
    Usage,
)
from tieout.ports import Agent, Parts, StepOutcome

ANN = Principal("ann", "desk")
NOW = datetime(2026, 3, 1, tzinfo=UTC)
TROUBLES = [StorageFull("the disk is full"), DatabaseBusy("it is locked"), DatabaseAway("it does not answer")]


class Channel:
    """A channel that remembers."""

    name = "chat"

    def __init__(self) -> None:
        self.sent: list[str] = []

    def send(self, key: str, message: Mapping[str, Any]) -> Mapping[str, Any]:
        self.sent.append(key)
        return {"id": key}

    def look_up(self, key: str, message: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return {"id": key} if key in self.sent else None


class Model:
    """A provider that counts."""

    name = "toy-model"

    def __init__(self) -> None:
        self.calls = 0

    def complete(self, messages: Any, *, max_tokens: int, on_text: Any = None) -> ModelAnswer:
        self.calls += 1
        return ModelAnswer("42", Usage(1, 10, 2), self.name)

    def estimate(self, messages: Any, max_tokens: int) -> Usage:
        return Usage(1, 50, 50)


class Desk:
    """A store whose methods fail when told to, a clock that is set, and an agent of one action."""

    def __init__(self, action: Callable[[Any], StepOutcome] | None = None) -> None:
        self.store = SqlRunStore(open_in_memory())
        self.now = NOW
        self.channel, self.model = Channel(), Model()
        self.agent = Agent("toy", "2", "", lambda request: Plan("toy", "2", ()), {"act": action} if action else {})
        nothing: Any = None
        parts = Parts(nothing, nothing, nothing, nothing, self.model, channels={"chat": self.channel})
        backoff = Backoff(first_s=0, settle_s=(0, 0))
        self.executor = Executor(self.store, self, parts, backoff=backoff, clock=lambda: self.now)

    def get(self, name: str) -> Agent:
        if name != "toy":
            raise NotFound(f"no agent {name}")
        return self.agent

    def __iter__(self) -> Iterator[Agent]:
        return iter([self.agent])

    def submit(self) -> Run:
        return self.store.create_run(
            ANN, RunRequest("?", agent="toy"), Plan("toy", "1", (StepSpec("only", "act"),)), now=self.now
        )

    def fail(self, method: str, *errors: TieoutError) -> None:
        """Let the next calls of the store's method raise."""
        left, real = list(errors), getattr(self.store, method)

        def failing(*args: Any, **kwargs: Any) -> Any:
            if left:
                raise left.pop(0)
            return real(*args, **kwargs)

        vars(self.store)[method] = failing

    def execute(self, run: Run) -> list[ReadyStep] | None:
        """Execute the step once, when it is due."""
        self.now += timedelta(seconds=120)
        self.store.promote_due(now=self.now)
        return self.executor.execute_step(self.store.steps(ANN, run.id)[0].id, owner="me", lease_s=30)

    def step(self, run: Run) -> Any:
        return self.store.steps(ANN, run.id)[0]

    def state(self, run: Run) -> RunState:
        return self.store.get_run(ANN, run.id).state


def sending(context: Any) -> StepOutcome:
    return StepOutcome(dict(context.deliver("note", "chat", {"text": "hello"})))


def asking(context: Any) -> StepOutcome:
    return StepOutcome({"text": context.call_model("draft", [ModelMessage("user", "?")], max_tokens=9).text})


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda one: type(one).__name__)
def test_trouble_of_the_installation_costs_a_step_no_attempt(trouble: TieoutError) -> None:
    left = [trouble, trouble]

    def action(context: Any) -> StepOutcome:
        if left:
            raise left.pop()
        return StepOutcome({})

    desk = Desk(action)
    run = desk.submit()
    for _ in range(2):
        if isinstance(trouble, StorageFull):
            with pytest.raises(StorageFull):  # whoever waits for the run is told to free some space
                desk.execute(run)
        else:
            desk.execute(run)
        assert (desk.step(run).state, desk.step(run).attempt) == ("retry", 0)
        assert desk.step(run).error == trouble.message
    desk.execute(run)
    assert desk.state(run) is RunState.DONE
    assert desk.step(run).attempt == 1


def test_a_provider_that_is_away_costs_an_attempt() -> None:
    def action(context: Any) -> StepOutcome:
        raise ProviderUnavailable("busy")

    desk = Desk(action)
    run = desk.submit()
    desk.execute(run)
    assert (desk.step(run).state, desk.step(run).attempt) == ("retry", 1)


def test_a_disk_that_stays_full_ends_the_run_with_that_reason() -> None:
    def action(context: Any) -> StepOutcome:
        raise StorageFull("the disk is full")

    desk = Desk(action)
    run = desk.submit()
    for _ in range(20):
        with pytest.raises(StorageFull):
            desk.execute(run)
    with pytest.raises(StorageFull):
        desk.execute(run)
    assert (desk.state(run), desk.step(run).error) == (RunState.FAILED, "the disk is full")


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda one: type(one).__name__)
def test_a_message_that_was_sent_is_recorded_though_the_store_refuses_for_a_moment(trouble: TieoutError) -> None:
    desk = Desk(sending)
    run = desk.submit()
    desk.fail("finish_effect", trouble, trouble)
    desk.execute(run)
    assert (desk.state(run), len(desk.channel.sent)) == (RunState.DONE, 1)
    assert desk.step(run).attempt == 1


def test_a_message_whose_outcome_could_not_be_recorded_is_found_later_and_not_sent_again() -> None:
    desk = Desk(sending)
    run = desk.submit()
    desk.fail("finish_effect", *[DatabaseAway("it does not answer")] * 3)
    desk.execute(run)
    assert desk.state(run) is RunState.RUNNING
    desk.execute(run)
    assert (desk.state(run), len(desk.channel.sent)) == (RunState.DONE, 1)


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda one: type(one).__name__)
def test_an_answer_that_arrived_is_not_bought_again_because_the_store_refuses_for_a_moment(
    trouble: TieoutError,
) -> None:
    desk = Desk(asking)
    run = desk.submit()
    desk.fail("finish_effect", trouble, trouble)
    desk.execute(run)
    assert (desk.state(run), desk.model.calls) == (RunState.DONE, 1)
    assert desk.store.get_run(ANN, run.id).usage == Usage(1, 10, 2)


# ---------------------------------------------------------------- partial results


def cancelled_while_it_works(desk: Desk) -> Callable[[Any], StepOutcome]:
    def action(context: Any) -> StepOutcome:
        desk.store.cancel_run(ANN, context.run.id, now=desk.now)
        return StepOutcome({"so_far": 3})

    return action


def test_a_partial_result_is_kept_though_the_store_refuses_for_a_moment() -> None:
    desk = Desk()
    desk.agent = Agent("toy", "1", "", desk.agent.plan, {"act": cancelled_while_it_works(desk)})
    run = desk.submit()
    desk.fail("keep_partial", StorageFull("the disk is full"), DatabaseBusy("it is locked"))
    assert desk.execute(run) == []
    assert (desk.step(run).state, desk.step(run).output) == ("cancelled", {"so_far": 3})


def test_a_partial_result_that_cannot_be_kept_is_lost_and_the_trouble_told() -> None:
    desk = Desk()
    desk.agent = Agent("toy", "1", "", desk.agent.plan, {"act": cancelled_while_it_works(desk)})
    run = desk.submit()
    desk.fail("keep_partial", *[StorageFull("the disk is full")] * 3)
    with pytest.raises(StorageFull):
        desk.execute(run)
    assert (desk.step(run).state, desk.step(run).output) == ("cancelled", None)
    assert desk.executor.running() == set()


def test_an_outcome_of_a_run_that_was_removed_is_dropped() -> None:
    desk = Desk(lambda context: StepOutcome({}))
    run = desk.submit()
    desk.fail("complete_step", NotFound(f"there is no run {run.id}"))
    assert desk.execute(run) == []


# ---------------------------------------------------------------- deferrals


def test_an_unknown_action_is_deferred_twenty_times_and_then_fails_saying_what_to_do() -> None:
    desk = Desk()
    run = desk.submit()
    for _ in range(20):
        desk.execute(run)
        assert (desk.step(run).state, desk.step(run).attempt) == ("retry", 0)
    desk.execute(run)
    assert desk.state(run) is RunState.FAILED
    assert "run a worker of that version, or ask again in a new run" in (desk.step(run).error or "")
    kinds = [event.kind for event in desk.store.events(ANN, run.id)]
    assert (kinds.count("step_deferred"), kinds.count("step_failed")) == (20, 1)


def test_deferrals_are_longer_each_time_up_to_a_minute() -> None:
    desk = Desk()
    run = desk.submit()
    pauses = []
    for _ in range(8):
        desk.execute(run)
        pauses.append((desk.step(run).ready_at - desk.now).total_seconds())
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]


def test_claims_that_were_no_deferrals_shorten_no_patience() -> None:
    """Orderly stops and killed processes raise the fence, too."""
    desk = Desk()
    run = desk.submit()
    step_id = desk.step(run).id
    for number in range(30):
        claimed = desk.store.claim_step(step_id, f"owner {number}", lease_s=30, now=desk.now)
        assert claimed is not None
        desk.store.hand_back(claimed, now=desk.now)
    desk.execute(run)
    assert desk.step(run).state == "retry"
    assert desk.step(run).ready_at - desk.now == timedelta(seconds=1)


def test_a_run_that_is_resumed_after_its_deferrals_waits_anew() -> None:
    desk = Desk()
    run = desk.submit()
    for _ in range(21):
        desk.execute(run)
    assert desk.state(run) is RunState.FAILED
    desk.store.resume_run(ANN, run.id, now=desk.now)
    desk.execute(run)
    assert desk.step(run).state == "retry"
    desk.agent = Agent("toy", "1", "", desk.agent.plan, {"act": lambda context: StepOutcome({})})
    desk.execute(run)
    assert desk.state(run) is RunState.DONE


def test_a_step_whose_message_has_to_wait_its_turn_holds_no_worker_and_is_charged_no_attempt() -> None:
    desk = Desk(sending)
    run = desk.submit()
    real, refusals = desk.channel.send, [RateLimited("slowly", after_s=7.5), RateLimited("slowly", after_s=600.0)]

    def limited(key: str, message: Mapping[str, Any]) -> Mapping[str, Any]:
        if refusals:
            raise refusals.pop(0)
        return real(key, message)

    vars(desk.channel)["send"] = limited
    for after_s in (7.5, 600.0):
        desk.execute(run)
        step = desk.step(run)
        assert (step.state, step.attempt) == (StepState.RETRY, 0), "it is not to be counted"
        assert desk.store.unknown_effects(ANN) == []  # nothing was sent, and nobody has to find out
        ready, due = desk.store.promote_due(now=desk.now)
        assert (ready, due) == ([], desk.now + timedelta(seconds=after_s))
        desk.now += timedelta(seconds=after_s)
    desk.execute(run)
    assert desk.state(run) is RunState.DONE
    assert len(desk.channel.sent) == 1


def test_a_turn_that_never_comes_ends_in_a_failure_that_says_why() -> None:
    desk = Desk(sending)
    run = desk.submit()

    def limited(key: str, message: Mapping[str, Any]) -> Mapping[str, Any]:
        raise RateLimited("chat lets nothing through", after_s=1.0)

    vars(desk.channel)["send"] = limited
    tries = 0
    while desk.state(run) is RunState.RUNNING or tries == 0:
        desk.execute(run)
        tries += 1
        assert tries < 1000
    assert "lets nothing through" in str(desk.step(run).error)
