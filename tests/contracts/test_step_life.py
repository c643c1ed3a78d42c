"""Random lives of a run: the quick way and the general one must agree after every event, and the counters fit."""

import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from store.database import Database, open_database, open_in_memory
from store.runs import SqlRunStore
from tieout.errors import StaleFence
from tieout.model import Plan, Principal, RunRequest, RunState, StepSpec, StepState
from tieout.ports import Claimed, RunStore

ANN = Principal("ann", "desk")
KEYS = "abcde"
FINISHED = {StepState.DONE, StepState.DEAD, StepState.CANCELLED}


@st.composite
def plans(draw: Any) -> Plan:
    count = draw(st.integers(1, len(KEYS)))
    steps = []
    for position in range(count):
        after = draw(st.sets(st.sampled_from(KEYS[:position]))) if position else set()
        steps.append(StepSpec(KEYS[position], "work", tuple(sorted(after)), max_attempts=draw(st.integers(1, 3))))
    return Plan("toy", "1", tuple(steps))


class StepLife(RuleBasedStateMachine):
    """Does the same to two stores."""

    database: Database
    general: Database

    @initialize(plan=plans())
    def begin(self, plan: Plan) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.stores: list[RunStore] = [SqlRunStore(self.general, quick=False), SqlRunStore(self.database)]
        self.plan = plan
        self.runs = [store.create_run(ANN, RunRequest("?"), plan, now=self.now).id for store in self.stores]
        self.claims: dict[str, list[tuple[Claimed, Claimed]]] = {}

    def both(self, act: Callable[[RunStore, int], object]) -> list[object]:
        outcomes: list[object] = []
        for number, store in enumerate(self.stores):
            try:
                outcomes.append(act(store, number))
            except StaleFence:
                outcomes.append(StaleFence)
        return outcomes

    def place(self, number: int, key: str) -> str:
        return next(s.id for s in self.stores[number].steps(ANN, self.runs[number]) if s.key == key)

    @rule(key=st.sampled_from(KEYS), owner=st.sampled_from(["one", "two"]))
    def claim(self, key: str, owner: str) -> None:
        if key not in {spec.key for spec in self.plan.steps}:
            return
        claims = self.both(lambda s, n: s.claim_step(self.place(n, key), owner, lease_s=10, now=self.now))
        first, second = claims
        assert (first is None) == (second is None)
        if isinstance(first, Claimed) and isinstance(second, Claimed):
            assert (first.fence, first.inputs) == (second.fence, second.inputs)
            self.claims.setdefault(key, []).append((first, second))

    def _one(self, data: st.DataObject) -> tuple[Claimed, Claimed]:
        every = [claim for key in sorted(self.claims) for claim in self.claims[key]]
        return data.draw(st.sampled_from(every))

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), state=st.sampled_from([None, None, None, RunState.NEEDS_REVIEW, RunState.NEEDS_ANSWER]))
    def complete(self, data: st.DataObject, state: RunState | None) -> None:
        claim = self._one(data)
        opened = self.both(
            lambda s, n: len(
                s.complete_step(
                    claim[n],
                    {"at": claim[n].fence},
                    now=self.now,
                    run_state=state,
                    run_result={"x": 1} if state else None,
                )
            )
        )
        assert opened[0] == opened[1]

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), again=st.booleans())
    def fail(self, data: st.DataObject, again: bool) -> None:
        claim = self._one(data)
        retry_at = self.now + timedelta(seconds=3) if again else None
        outcomes = self.both(lambda s, n: len(s.fail_step(claim[n], "no", retry_at=retry_at, now=self.now)))
        assert outcomes[0] == outcomes[1]

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def hand_back(self, data: st.DataObject) -> None:
        claim = self._one(data)
        outcomes = self.both(lambda s, n: s.hand_back(claim[n], now=self.now))
        assert outcomes[0] == outcomes[1]

    @rule(dead=st.sets(st.sampled_from(["one", "two"])))
    def sweep(self, dead: set[str]) -> None:
        freed = self.both(lambda s, n: len(s.release_lost(now=self.now, alive=lambda owner: owner not in dead)))
        assert freed[0] == freed[1]

    @rule(owner=st.sampled_from(["one", "two"]))
    def renew(self, owner: str) -> None:
        renewed = self.both(lambda s, n: s.renew_leases(owner, lease_s=10, now=self.now))
        assert renewed[0] == renewed[1]

    @rule(seconds=st.integers(1, 12))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        self.both(lambda s, n: s.promote_due(now=self.now))

    @rule()
    def cancel(self) -> None:
        self.both(lambda s, n: s.cancel_run(ANN, self.runs[n], now=self.now))

    @rule()
    def resume(self) -> None:
        self.both(lambda s, n: s.resume_run(ANN, self.runs[n], now=self.now))

    @invariant()
    def both_stores_agree(self) -> None:
        if not hasattr(self, "runs"):
            return
        runs = [store.get_run(ANN, self.runs[number]) for number, store in enumerate(self.stores)]
        facts = [(r.state, r.finished_at, r.updated_at, r.result, r.error) for r in runs]
        assert facts[0] == facts[1]
        steps = [
            [
                (s.key, s.state, s.pending, s.attempt, s.fence, s.output, s.error, s.started_at, s.finished_at)
                for s in all_
            ]
            for all_ in (store.steps(ANN, self.runs[number]) for number, store in enumerate(self.stores))
        ]
        assert steps[0] == steps[1]
        events = [
            [(e.seq, e.kind, e.at, e.step, e.data) for e in store.events(ANN, self.runs[number])]
            for number, store in enumerate(self.stores)
        ]
        assert events[0] == events[1]

    @invariant()
    def the_counters_fit_the_plan(self) -> None:
        if not hasattr(self, "runs"):
            return
        run = self.stores[1].get_run(ANN, self.runs[1])
        steps = {step.key: step for step in self.stores[1].steps(ANN, self.runs[1])}
        for spec in self.plan.steps:
            step = steps[spec.key]
            open_parents = sum(steps[parent].state is not StepState.DONE for parent in spec.after)
            if step.state is not StepState.CANCELLED:
                assert step.pending == open_parents
                assert (step.state is StepState.BLOCKED) == (open_parents > 0)
            assert 0 <= step.attempt <= step.max_attempts
        events = self.stores[1].events(ANN, self.runs[1])
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert run.state.final == all(step.state in FINISHED for step in steps.values())

    def teardown(self) -> None:
        """End the run: the database outlives this life, and sweeps and renewals count over all runs."""
        if hasattr(self, "runs"):
            self.cancel()


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_random_lives_of_a_run_agree_and_add_up(kind: str, request: pytest.FixtureRequest) -> None:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'life.db'}" if kind == "sqlite" else request.getfixturevalue("postgres_url")
        database = open_database(url)
        general = open_in_memory()
        machine = type("Life", (StepLife,), {"database": database, "general": general})
        try:
            run_state_machine_as_test(
                machine,
                settings=settings(
                    max_examples=40,
                    stateful_step_count=25,
                    deadline=None,
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            database.close()
            general.close()
