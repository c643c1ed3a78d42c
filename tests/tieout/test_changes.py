"""Wake-ups within a process, and which calls of a store announce which run."""

import inspect
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.changes import Announcing, LocalChanges, announces, runs_in
from tieout.model import Event, Plan, ReadyStep, Run, RunRequest, RunState
from tieout.ports import Claimed, RunStore

NOW = datetime(2024, 1, 2, tzinfo=UTC)
RUN = Run("run_a", "desk", "me", RunRequest("?"), Plan("research", "1", ()), RunState.RUNNING, NOW, NOW)
CLAIMED = Claimed(None, RUN, 1, {})  # type: ignore[arg-type]


def test_runs_that_nobody_waits_for_leave_nothing_behind() -> None:
    changes = LocalChanges()
    for number in range(10_000):
        run_id = f"run_{number}"
        changes.notify(run_id)
        seen = changes.wait(-1, 0, run_id)
        changes.wait(seen, 0.00001 if number % 100 == 0 else 0, run_id)
        changes.listen(lambda: None, run_id)()
    assert not changes._waiting
    assert not changes._listeners


@given(st.lists(st.tuples(st.sampled_from([None, "a", "b", "c"]), st.booleans())))
def test_whoever_saw_a_count_learns_of_each_later_change_of_its_run(told: list[tuple[str | None, bool]]) -> None:
    changes = LocalChanges()
    seen = {run: changes.wait(-1, 0, run) for run in (None, "a", "b", "c")}
    due: set[str | None] = set()
    for run_id, look in told:
        changes.notify(run_id)
        due |= {None, "a", "b", "c"} if run_id is None else {None, run_id}
        if look:
            for run in due:
                now = changes.wait(seen[run], 0, run)
                assert now > seen[run]
                seen[run] = now
            due = set()


def test_a_listener_may_notify_and_listen() -> None:
    changes = LocalChanges()
    woken = threading.Event()
    changes.listen(woken.set, "b")
    changes.listen(lambda: changes.notify("b"), "a")
    changes.notify("a")
    assert woken.is_set()


# ---------------------------------------------------------------- announcing


def methods_of_the_run_store() -> list[tuple[str, str]]:
    found = inspect.getmembers(RunStore, inspect.isfunction)
    return [(name, inspect.getdoc(method) or "") for name, method in found if not name.startswith("_")]


@pytest.mark.parametrize(("name", "does"), methods_of_the_run_store())
def test_what_only_returns_something_is_not_announced(name: str, does: str) -> None:
    """A follower that reads would wake itself for ever; a write that is not announced keeps it waiting."""
    assert announces(name) == (not does.startswith("Return")) or name == "renew_leases"


class Store:
    """Answers each method with what it was told to."""

    outcome: Any = None
    number = 3

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *args, **kwargs: self.outcome


@pytest.fixture
def told() -> list[str | None]:
    return []


@pytest.fixture
def store(told: list[str | None]) -> Any:
    return Announcing(Store(), told.append)


def test_reads_and_attributes_pass_through(store: Any, told: list[str | None]) -> None:
    store.get_run("run_a")
    store.events("run_a")
    store.renew_leases("me")
    assert store.number == 3
    assert not told


@pytest.mark.parametrize(
    ("name", "args", "outcome", "expected"),
    [
        ("create_run", ("me",), RUN, ["run_a"]),
        ("cancel_run", ("me", "a"), RUN, ["run_a"]),
        ("append_event", ("run_a", "kind"), Event("run_a", 1, "kind", NOW), ["run_a"]),
        ("complete_step", (CLAIMED, {}), [ReadyStep("s", "run_a", "desk")], ["run_a"]),
        ("complete_step", (CLAIMED, {}), [ReadyStep("s", "run_b", "desk")], ["run_a", "run_b"]),
        ("complete_step", (replace(CLAIMED, run=replace(RUN, parent_step="step_p")), {}), [], [None, "run_a"]),
        ("fail_step", (CLAIMED, "why"), None, ["run_a"]),
        ("finish_effect", ("key", {}), None, [None]),
        ("signal_run", ("me", "a", "name", {}), (True, []), [None]),
        ("signal_run", ("me", "a", "name", {}), (True, [ReadyStep("s", "run_a", "desk")]), ["run_a"]),
        ("claim_step", ("step",), None, []),
        ("claim_step", ("step",), CLAIMED, ["run_a"]),
        ("promote_due", (), ([], NOW), []),
        ("promote_due", (), ([ReadyStep("s", "run_a", "desk")], NOW), ["run_a"]),
        ("release_lost", (), [ReadyStep("s", f"run_{number}", "desk") for number in range(40)], [None]),
        ("something_new", (), None, [None]),
    ],
)
def test_a_write_announces_the_runs_that_it_names_or_all(
    name: str, args: tuple[Any, ...], outcome: Any, expected: list[str | None], told: list[str | None]
) -> None:
    inner = Store()
    inner.outcome = outcome
    assert getattr(Announcing(inner, told.append), name)(*args) is outcome
    assert sorted(told, key=str) == sorted(expected, key=str)


def test_a_write_that_fails_announces_nothing(told: list[str | None]) -> None:
    class Failing:
        def create_run(self) -> None:
            raise ValueError

    with pytest.raises(ValueError):
        Announcing(Failing(), told.append).create_run()
    assert not told


def test_text_is_not_taken_for_a_run() -> None:
    assert runs_in(["run_a", 1, None, {"run_id": "run_a"}]) == set()
