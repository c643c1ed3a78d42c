"""The executor over the in-memory store: outcomes, errors, effects and budgets of one step."""

import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from store.database import open_in_memory
from store.runs import SqlRunStore
from tieout.backoff import Backoff
from tieout.codec import dump
from tieout.errors import (
    BudgetExceeded,
    InvalidInput,
    NeedsAnswer,
    NotFound,
    ProviderError,
    ProviderRefused,
    ProviderUnavailable,
    StaleFence,
    StorageFull,
)
from tieout.execution import Executor
from tieout.model import ModelAnswer, ModelMessage, Plan, Principal, Run, RunRequest, RunState, StepSpec, Usage
from tieout.ports import NO_LIMIT, Agent, Budget, Parts, StepOutcome

ANN = Principal("ann", "desk")
ASK = [ModelMessage("user", "How much?")]
COST = Usage(1, 100, 20, Decimal("0.01"))
ESTIMATE = Usage(1, 500, 500, Decimal("0.10"))


class Model:
    """A provider that answers, or does what it was told to."""

    name = "toy-model"

    def __init__(self, *replies: object) -> None:
        self.replies = list(replies)
        self.calls = 0

    def complete(
        self, messages: Sequence[ModelMessage], *, max_tokens: int, on_text: Callable[[str], None] | None = None
    ) -> ModelAnswer:
        self.calls += 1
        reply = self.replies.pop(0) if self.replies else "42"
        if isinstance(reply, BaseException):
            raise reply
        for piece in str(reply):
            if on_text:
                on_text(piece)
        return ModelAnswer(str(reply), COST, self.name)

    def estimate(self, messages: Sequence[ModelMessage], max_tokens: int) -> Usage:
        return ESTIMATE


class Blobs:
    """Bytes in a dictionary."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def put(self, principal: Principal, data: bytes) -> str:
        import hashlib

        sha256 = hashlib.sha256(data).hexdigest()
        self.kept[sha256] = data
        return sha256

    def get(self, principal: Principal, sha256: str) -> bytes:
        return self.kept[sha256]

    def delete(self, principal: Principal, sha256: str) -> None:
        self.kept.pop(sha256, None)


class Desk:
    """A store, an executor and an agent of one action."""

    def __init__(
        self, action: Callable[[Any], Any], model: Model | None = None, *, store: Any = None, budget: Budget = NO_LIMIT
    ) -> None:
        self.store = store or SqlRunStore(open_in_memory())
        self.blobs = Blobs()
        self.agent = Agent("toy", "1", "", lambda request: Plan("toy", "1", ()), {"act": action})
        nothing: Any = None
        parts = Parts(nothing, nothing, nothing, self.blobs, model)
        self.executor = Executor(self.store, self, parts, budget=budget, backoff=Backoff(first_s=0, provider_first_s=0))

    def get(self, name: str) -> Agent:
        if name != "toy":
            raise NotFound(f"no agent {name}")
        return self.agent

    def __iter__(self) -> Iterator[Agent]:
        return iter([self.agent])

    def submit(self, *, timeout_s: float = 60, max_attempts: int = 3, **fields: Any) -> Run:
        spec = StepSpec("only", "act", max_attempts=max_attempts, timeout_s=timeout_s)
        request = RunRequest("?", agent="toy", **fields)
        return self.store.create_run(ANN, request, Plan("toy", "1", (spec,)), now=datetime.now(UTC))

    def execute(self, run: Run) -> Run:
        """Carry out what is ready until nothing is."""
        while self.store.promote_due(now=datetime.now(UTC)) and (
            ready := self.store.ready_steps(limit=9, now=datetime.now(UTC))
        ):
            for step in ready:
                self.executor.execute_step(step.step_id, owner="me", lease_s=30)
        return self.store.get_run(ANN, run.id)

    def kinds(self, run: Run) -> list[str]:
        return [event.kind for event in self.store.events(ANN, run.id)]


def raising(*errors: BaseException) -> Callable[[Any], StepOutcome]:
    """Return an action that raises these in turn, then succeeds."""
    left = list(errors)

    def action(context: Any) -> StepOutcome:
        if left:
            raise left.pop(0)
        return StepOutcome({"ok": True})

    return action


def test_an_outcome_is_committed() -> None:
    desk = Desk(lambda context: StepOutcome({"n": 1}, result={"answer": "yes"}))
    done = desk.execute(desk.submit())
    assert (done.state, done.result) == (RunState.DONE, {"answer": "yes"})
    assert desk.store.steps(ANN, done.id)[0].output == {"n": 1}
    assert desk.executor.running() == set()


def test_needs_review_is_passed_on() -> None:
    desk = Desk(lambda context: StepOutcome({}, RunState.NEEDS_REVIEW))
    assert desk.execute(desk.submit()).state is RunState.NEEDS_REVIEW


def test_a_question_back_is_the_result() -> None:
    desk = Desk(raising(NeedsAnswer("Which year?")))
    asked = desk.execute(desk.submit())
    assert (asked.state, asked.result) == (RunState.NEEDS_ANSWER, {"question": "Which year?"})


@pytest.mark.parametrize("error", [ProviderUnavailable("busy"), RuntimeError("a bug"), KeyError("x")])
def test_what_may_pass_is_tried_again(error: Exception) -> None:
    desk = Desk(raising(error, error))
    run = desk.submit()
    assert desk.execute(run).state is RunState.DONE
    assert desk.kinds(run).count("step_retried") == 2


@pytest.mark.parametrize("error", [InvalidInput("no"), NotFound("no"), BudgetExceeded("no"), ProviderRefused("no")])
def test_what_cannot_pass_fails_at_once(error: Exception) -> None:
    desk = Desk(raising(error))
    failed = desk.execute(desk.submit())
    assert (failed.state, failed.error) == (RunState.FAILED, "only: no")


def test_attempts_come_to_an_end() -> None:
    desk = Desk(raising(*[RuntimeError("broken")] * 9))
    run = desk.submit(max_attempts=2)
    failed = desk.execute(run)
    assert (failed.state, failed.error) == (RunState.FAILED, "only: RuntimeError: broken")
    assert desk.kinds(run).count("step_started") == 2


@pytest.mark.parametrize(
    "outcome",
    [
        None,
        {"plain": "dict"},
        StepOutcome({"x": float("nan")}),
        StepOutcome({"x": object()}),
        StepOutcome({}, RunState.RUNNING),
    ],
)
def test_an_outcome_that_cannot_be_kept_fails_the_run(outcome: Any) -> None:
    desk = Desk(lambda context: outcome)
    failed = desk.execute(desk.submit())
    assert failed.state is RunState.FAILED
    assert "action 'act'" in (failed.error or "")


def test_a_step_that_another_has_is_left_alone() -> None:
    desk = Desk(raising())
    run = desk.submit()
    step = desk.store.steps(ANN, run.id)[0]
    assert desk.store.claim_step(step.id, "other", lease_s=30, now=datetime.now(UTC))
    assert desk.executor.execute_step(step.id, owner="me", lease_s=30) is None
    assert desk.executor.execute_step("step_none", owner="me", lease_s=30) is None


def test_ctrl_c_in_an_action_hands_the_step_back() -> None:
    desk = Desk(raising(KeyboardInterrupt()))
    run = desk.submit()
    with pytest.raises(KeyboardInterrupt):
        desk.execute(run)
    step = desk.store.steps(ANN, run.id)[0]
    assert (step.state.value, step.attempt) == ("ready", 0)
    assert desk.execute(run).state is RunState.DONE


def test_a_store_that_is_full_for_a_moment_costs_nothing() -> None:
    class FullOnce(SqlRunStore):
        full = True

        def complete_step(self, *args: Any, **kwargs: Any) -> Any:
            if self.full:
                self.full = False
                raise StorageFull("the disk is full")
            return super().complete_step(*args, **kwargs)

    calls: list[int] = []

    def action(context: Any) -> StepOutcome:
        calls.append(1)
        return StepOutcome({})

    desk = Desk(action, store=FullOnce(open_in_memory()))
    assert desk.execute(desk.submit()).state is RunState.DONE
    assert len(calls) == 1


# ---------------------------------------------------------------- the context


def test_a_context_reports_and_keeps_files() -> None:
    def action(context: Any) -> StepOutcome:
        context.emit("page_read", number=3)
        artifact = context.put_artifact("report.md", "text/markdown", b"# Report")
        return StepOutcome({"sha256": artifact.sha256})

    desk = Desk(action)
    run = desk.execute(desk.submit())
    (artifact,) = desk.store.artifacts(ANN, run.id)
    assert (artifact.name, artifact.size, desk.blobs.kept[artifact.sha256]) == ("report.md", 8, b"# Report")
    event = next(event for event in desk.store.events(ANN, run.id) if event.kind == "page_read")
    assert (event.step, event.data) == ("only", {"number": 3})


@pytest.mark.parametrize("name", ["", "../x", "a/b", "a\\b", ".hidden", "x" * 201, "nul\0"])
def test_an_artifact_needs_a_plain_name(name: str) -> None:
    desk = Desk(lambda context: context.put_artifact(name, "text/plain", b""))
    failed = desk.execute(desk.submit())
    assert failed.state is RunState.FAILED
    assert "artifact" in (failed.error or "")


def test_a_late_write_is_stale_and_ends_nothing() -> None:
    seen: list[bool] = []

    def action(context: Any) -> StepOutcome:
        seen.append(context.cancelled())
        desk.store.cancel_run(ANN, context.run.id, now=datetime.now(UTC))
        with pytest.raises(StaleFence):
            context.emit("thing_seen")
        context._looked_at = 0.0
        seen.append(context.cancelled())
        return StepOutcome({})

    desk = Desk(action)
    assert desk.execute(desk.submit()).state is RunState.CANCELLED
    assert seen == [False, True]


def test_a_step_over_its_limit_is_failed_while_it_still_runs() -> None:
    release = threading.Event()
    desk = Desk(lambda context: StepOutcome({"waited": release.wait(30)}))
    run = desk.submit(timeout_s=0.001, max_attempts=1)
    step_id = desk.store.steps(ANN, run.id)[0].id
    thread = threading.Thread(target=lambda: desk.executor.execute_step(step_id, owner="me", lease_s=30))
    thread.start()
    while not desk.executor.fail_overdue():
        pass
    assert desk.store.get_run(ANN, run.id).error == "only: step 'only' ran longer than its limit of 0.001 s"
    assert desk.executor.running() == set()
    release.set()
    thread.join()
    assert desk.store.steps(ANN, run.id)[0].output is None


# ---------------------------------------------------------------- model calls


def asking(times: int = 1) -> Callable[[Any], StepOutcome]:
    def action(context: Any) -> StepOutcome:
        answers = [context.call_model("draft", ASK, max_tokens=100) for _ in range(times)]
        return StepOutcome({"answers": [answer.text for answer in answers]})

    return action


def test_an_answer_is_bought_once_and_counted() -> None:
    model = Model("ten")
    desk = Desk(asking(3), model)
    run = desk.execute(desk.submit())
    assert (run.state, model.calls, run.usage) == (RunState.DONE, 1, COST)
    assert desk.store.steps(ANN, run.id)[0].output == {"answers": ["ten"] * 3}
    told = [event.data["text"] for event in desk.store.events(ANN, run.id) if event.kind == "model_wrote"]
    assert "".join(told) == "ten"
    assert len(told) <= 2


def test_other_messages_are_another_call() -> None:
    def action(context: Any) -> StepOutcome:
        for text in ("one", "two"):
            context.call_model("draft", [ModelMessage("user", text)], max_tokens=10)
        return StepOutcome({})

    model = Model()
    desk = Desk(action, model)
    assert desk.execute(desk.submit()).usage == COST + COST
    assert model.calls == 2


def test_an_answer_that_arrived_is_not_bought_again_after_a_crash() -> None:
    crashes = [RuntimeError("crash after the answer")]

    def action(context: Any) -> StepOutcome:
        answer = context.call_model("draft", ASK, max_tokens=100)
        if crashes:
            raise crashes.pop()
        return StepOutcome({"text": answer.text})

    model = Model("ten")
    desk = Desk(action, model)
    run = desk.execute(desk.submit())
    assert (run.state, model.calls, run.usage) == (RunState.DONE, 1, COST)


def test_a_call_of_unknown_outcome_is_charged_and_repeated_once() -> None:
    model = Model(RuntimeError("cut"), "ten")
    desk = Desk(asking(), model)
    run = desk.execute(desk.submit())
    assert (run.state, model.calls, run.usage) == (RunState.DONE, 2, ESTIMATE + COST)


def test_a_call_that_stays_unknown_stops_with_a_reason() -> None:
    model = Model(*[RuntimeError("cut")] * 5)
    desk = Desk(asking(), model)
    run = desk.execute(desk.submit(max_attempts=5))
    assert (run.state, model.calls, run.usage) == (RunState.FAILED, 2, ESTIMATE + ESTIMATE)
    assert "outcome is not known" in (run.error or "")


def test_a_provider_that_says_it_did_nothing_is_not_charged() -> None:
    nothing = {"usage": dump(Usage())}
    model = Model(*[ProviderUnavailable("429", **nothing) for _ in range(4)], "ten")
    desk = Desk(asking(), model)
    run = desk.execute(desk.submit(max_attempts=5))
    assert (run.state, model.calls, run.usage) == (RunState.DONE, 5, COST)


def test_a_provider_that_says_what_it_spent_is_charged_that() -> None:
    model = Model(ProviderUnavailable("cut", usage=dump(COST)), "ten")
    desk = Desk(asking(), model)
    assert desk.execute(desk.submit()).usage == COST + COST


def test_a_refusal_is_an_answer_too() -> None:
    model = Model(ProviderRefused("I would rather not", usage=dump(COST)))
    desk = Desk(asking(), model)
    run = desk.submit()
    assert desk.execute(run).error == "only: I would rather not"
    desk.store.resume_run(ANN, run.id, now=datetime.now(UTC))
    assert desk.execute(run).error == "only: I would rather not"
    assert (model.calls, desk.store.get_run(ANN, run.id).usage) == (1, COST)


def test_a_wrong_key_can_be_mended_and_the_run_resumed() -> None:
    model = Model(ProviderError("the key is wrong", usage=dump(Usage())), "ten")
    desk = Desk(asking(), model)
    run = desk.submit()
    assert desk.execute(run).state is RunState.FAILED
    desk.store.resume_run(ANN, run.id, now=datetime.now(UTC))
    assert desk.execute(run).state is RunState.DONE


@pytest.mark.parametrize(
    ("budget", "fields"),
    [
        (Budget(tokens=999), {}),
        (Budget(money=Decimal("0.05")), {}),
        (Budget(), {"token_budget": 999}),
        (Budget(tokens=9999), {"money_budget": Decimal("0.09")}),
        (Budget(tokens=999), {"token_budget": 9999}),
    ],
)
def test_a_call_over_budget_is_not_made(budget: Budget, fields: dict[str, Any]) -> None:
    model = Model()
    desk = Desk(asking(), model, budget=budget)
    run = desk.execute(desk.submit(**fields))
    assert (run.state, model.calls, run.usage) == (RunState.FAILED, 0, Usage())
    assert "budget" in (run.error or "")


def test_without_a_model_the_reason_is_said() -> None:
    desk = Desk(asking())
    assert "TIEOUT_MODEL" in (desk.execute(desk.submit()).error or "")
