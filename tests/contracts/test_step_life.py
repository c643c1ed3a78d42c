"""Random lives of a run: the quick way and the general one must agree after every event, and the counters fit."""

import tempfile
from collections.abc import Callable, Mapping
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
from sqlalchemy import delete

from store.database import Database, open_database, open_in_memory
from store.runs import SqlRunStore
from store.tables import runs
from tests.support.run_audit import check_records
from tests.support.waits import DRAFT, OTHER_DRAFT, approval, outside, sub_run, timer
from tieout.errors import TieoutError
from tieout.model import JoinPolicy, Plan, Principal, RunRequest, RunState, StepSpec, Wait, WaitState
from tieout.ports import Claimed, RunStore

ANN = Principal("ann", "desk")
BEN = Principal("ben", "desk")
KEYS = "abcde"
SPAWNED = "xyz"
OWNERS = st.sampled_from(["one", "two"])
NAMES = st.sampled_from(["nap", "publish", "mail", "child"])


@st.composite
def specs(draw: Any, key: str, before: str, prefix: str = "") -> StepSpec:
    after = draw(st.sets(st.sampled_from(before), max_size=3)) if before else set()
    policy = draw(st.sampled_from([*JoinPolicy, JoinPolicy.SKIP]))
    return StepSpec(
        prefix + key,
        "work",
        tuple(prefix + one for one in sorted(after)),
        max_attempts=draw(st.sampled_from([1, 1, 2, 3])),
        on_failed=policy,
        quorum=draw(st.integers(1, 2)) if policy is JoinPolicy.QUORUM else 0,
    )


@st.composite
def plans(draw: Any) -> Plan:
    count = draw(st.integers(1, len(KEYS)))
    strict = draw(st.integers(0, 2)) == 0
    steps = [draw(specs(KEYS[position], KEYS[:position])) for position in range(count)]
    if strict:  # the runs that go the quick way
        steps = [StepSpec(one.key, "work", one.after, max_attempts=one.max_attempts) for one in steps]
    return Plan("toy", "1", tuple(steps))


@st.composite
def additions(draw: Any) -> tuple[StepSpec, ...]:
    """Steps that a result adds, without the prefix of their spawner."""
    wanted = [key for key in SPAWNED if draw(st.booleans())]
    return tuple(draw(specs(key, "".join(wanted[:position]))) for position, key in enumerate(wanted))


class StepLife(RuleBasedStateMachine):
    """Does the same to two stores."""

    database: Database
    general: Database

    @initialize(plan=plans())
    def begin(self, plan: Plan) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        for database in (self.general, self.database):  # sweeps, promotions and renewals count over all runs
            database.write(lambda connection: connection.execute(delete(runs)))
        self.stores: list[RunStore] = [SqlRunStore(self.general, quick=False), SqlRunStore(self.database)]
        self.runs = [store.create_run(ANN, RunRequest("?"), plan, now=self.now).id for store in self.stores]
        self.claims: list[tuple[Claimed, Claimed]] = []

    def both(self, act: Callable[[RunStore, int], Any]) -> Any:
        """Act on both; return what the first returned, which must be what the other did."""
        outcomes: list[Any] = []
        for number, store in enumerate(self.stores):
            try:
                outcomes.append(act(store, number))
            except TieoutError as error:
                outcomes.append(type(error))
        assert outcomes[0] == outcomes[1]
        return outcomes[0]

    def keys(self) -> list[str]:
        return [step.key for step in self.stores[0].steps(ANN, self.runs[0])]

    def place(self, number: int, key: str, run_id: str | None = None) -> str:
        steps = self.stores[number].steps(ANN, run_id or self.runs[number])
        return next(step.id for step in steps if step.key == key)

    def named(self, number: int, ready: Any) -> list[str]:
        """Return the keys of steps, those of sub-runs as well."""
        store, found = self.stores[number], []
        for one in ready:
            own = next(step.key for step in store.steps(ANN, one.run_id) if step.id == one.step_id)
            found.append(own if one.run_id == self.runs[number] else f"sub-run {own}")
        return sorted(found)

    # ------------------------------------------------------------ workers

    @rule(data=st.data(), owner=OWNERS)
    def claim(self, data: st.DataObject, owner: str) -> None:
        self._take(data.draw(st.sampled_from(self._startable() or self.keys())), owner)

    def _take(self, key: str, owner: str) -> tuple[Claimed, Claimed] | None:
        first, second = (
            store.claim_step(self.place(number, key), owner, lease_s=10, now=self.now)
            for number, store in enumerate(self.stores)
        )
        assert (first is None) == (second is None)
        if first is None or second is None:
            return None
        assert (first.fence, first.inputs, first.step.attempt) == (second.fence, second.inputs, second.step.attempt)
        assert first.run.state == second.run.state
        assert plain(first.step.signals) == plain(second.step.signals)
        self.claims.append((first, second))
        return first, second

    @precondition(lambda self: self._startable())
    @rule(data=st.data(), ends=st.lists(st.sampled_from(["done", "done", "dead"]), min_size=1, max_size=3))
    def work(self, data: st.DataObject, ends: list[str]) -> None:
        """Take steps and end them at once, as most of them are: so a life comes further."""
        for end in ends:
            startable = self._startable()
            claim = self._take(data.draw(st.sampled_from(startable)), "one") if startable else None
            if claim is not None and end == "done":
                self.both(lambda s, n: self.named(n, s.complete_step(claim[n], {}, now=self.now)))  # noqa: B023
            elif claim is not None:
                self.both(lambda s, n: self.named(n, s.fail_step(claim[n], "no", retry_at=None, now=self.now)))  # noqa: B023

    def _startable(self) -> list[str]:
        found: list[str] = self.both(lambda s, n: self.named(n, s.ready_steps(limit=99, now=self.now)))
        return [key for key in found if not key.startswith("sub-run")]

    def _claim(self, data: st.DataObject) -> tuple[Claimed, Claimed]:
        standing = [one for one in self.claims if self.stores[0].holds_claim(one[0])]
        some = standing if standing and data.draw(st.integers(0, 9)) else self.claims  # now and then one that is lost
        return data.draw(st.sampled_from(some))

    @precondition(lambda self: self.claims)
    @rule(
        data=st.data(),
        state=st.sampled_from([None, None, None, None, None, RunState.NEEDS_REVIEW, RunState.NEEDS_ANSWER]),
        added=st.one_of(st.just(()), additions()),
    )
    def complete(self, data: st.DataObject, state: RunState | None, added: tuple[StepSpec, ...]) -> None:
        claim = self._claim(data)
        prefix = claim[0].step.key
        spawn = [
            StepSpec(
                prefix + one.key,
                one.action,
                tuple(prefix + key for key in one.after),
                max_attempts=one.max_attempts,
                on_failed=one.on_failed,
                quorum=one.quorum,
            )
            for one in (added if len(prefix) < 3 else ())
        ]
        self.both(
            lambda s, n: self.named(
                n,
                s.complete_step(
                    claim[n],
                    {"at": claim[n].fence},
                    now=self.now,
                    run_state=state,
                    run_result={"x": 1} if state else None,
                    spawn=spawn,
                ),
            )
        )

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), again=st.booleans())
    def fail(self, data: st.DataObject, again: bool) -> None:
        claim = self._claim(data)
        retry_at = self.now + timedelta(seconds=3) if again else None
        self.both(lambda s, n: self.named(n, s.fail_step(claim[n], "no", retry_at=retry_at, now=self.now)))

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), how=st.sampled_from(["hand back", "defer", "keep partial", "effect"]))
    def leave(self, data: st.DataObject, how: str) -> None:
        claim = self._claim(data)
        key = f"{claim[0].step.key}.{claim[0].step.generation}"
        acts: dict[str, Callable[[RunStore, int], Any]] = {
            "hand back": lambda s, n: s.hand_back(claim[n], now=self.now),
            "defer": lambda s, n: s.defer_step(
                claim[n], "not here", retry_at=self.now + timedelta(seconds=2), now=self.now
            ),
            "keep partial": lambda s, n: s.keep_partial(claim[n], {"half": True}, now=self.now),
            "effect": lambda s, n: (
                s.begin_effect(claim[n], f"{claim[n].run.id}.{key}", "delivery", {}, now=self.now).fresh
            ),
        }
        self.both(acts[how])

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), names=st.sets(NAMES, min_size=1), seconds=st.integers(0, 9), expires=st.booleans())
    def suspend(self, data: st.DataObject, names: set[str], seconds: int, expires: bool) -> None:
        claim = self._claim(data)
        at = self.now + timedelta(seconds=seconds)
        until = {"until": at} if expires else {}
        waits: dict[str, Wait] = {
            "nap": timer("nap", at),
            "publish": approval(approvers=("ann",), **until),
            "mail": outside("mail", **until),
            "child": sub_run("child", **until),
        }
        wanted = [waits[name] for name in sorted(names)]
        self.both(lambda s, n: self.named(n, s.suspend_step(claim[n], wanted, {"half": 1}, now=self.now)))

    @rule(dead=st.sets(OWNERS))
    def sweep(self, dead: set[str]) -> None:
        self.both(lambda s, n: self.named(n, s.release_lost(now=self.now, alive=lambda owner: owner not in dead)))

    @rule(owner=OWNERS)
    def renew(self, owner: str) -> None:
        self.both(lambda s, n: s.renew_leases(owner, lease_s=10, now=self.now))

    # ------------------------------------------------------------ time, people, other runs

    @rule(seconds=st.integers(1, 12))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

        def promote(store: RunStore, number: int) -> Any:
            opened, following = store.promote_due(now=self.now)
            return self.named(number, opened), following

        self.both(promote)

    @rule(who=st.sampled_from([ANN, ANN, BEN]), draft=st.sampled_from([DRAFT, DRAFT, OTHER_DRAFT]), name=NAMES)
    def decide(self, who: Principal, draft: str, name: str) -> None:
        def act(store: RunStore, number: int) -> Any:
            ended, opened = store.decide_wait(
                who, self.runs[number], name, "approved", draft_sha256=draft, now=self.now
            )
            return ended.step, ended.kind, self.named(number, opened)

        self.both(act)

    @rule(payload=st.integers(0, 3))
    def signal(self, payload: int) -> None:
        def act(store: RunStore, number: int) -> Any:
            first, opened = store.signal_run(ANN, self.runs[number], "mail", {"n": payload}, now=self.now)
            return first, self.named(number, opened)

        self.both(act)

    @rule(how=st.sampled_from(["done", "dead", "cancelled", "begun"]))
    def a_sub_run_goes_on(self, how: str) -> None:
        def act(store: RunStore, number: int) -> Any:
            for child in self.children(number):
                claimed = store.claim_step(self.place(number, "only", child), "one", lease_s=10, now=self.now)
                if how == "cancelled":
                    store.cancel_run(ANN, child, now=self.now)
                elif claimed is not None and how == "done":
                    store.complete_step(claimed, {}, now=self.now, run_result={"answer": 1})
                elif claimed is not None and how == "dead":
                    store.fail_step(claimed, "no", retry_at=None, now=self.now)
            return self.named(number, store.end_sub_runs(now=self.now))

        self.both(act)

    def children(self, number: int) -> list[str]:
        waits = self.stores[number].waits(ANN, run_id=self.runs[number])
        return [one.child_run for one in waits if one.child_run and one.state is WaitState.OPEN]

    # ------------------------------------------------------------ what people do to a run

    @rule(how=st.sampled_from(["cancel", "pause", "pause", "resume", "resume", "resume"]))
    def change_the_run(self, how: str) -> None:
        acts: dict[str, Callable[[RunStore, int], Any]] = {
            "cancel": lambda s, n: s.cancel_run(ANN, self.runs[n], now=self.now).state,
            "pause": lambda s, n: s.pause_run(ANN, self.runs[n], now=self.now).state,
            "resume": lambda s, n: s.resume_run(ANN, self.runs[n], now=self.now).state,
        }
        self.both(acts[how])

    @rule(data=st.data())
    def cancel_step(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(self.keys()))
        self.both(lambda s, n: s.cancel_step(ANN, self.runs[n], key, now=self.now).state)

    @rule(data=st.data(), redeliver=st.booleans())
    def replay(self, data: st.DataObject, redeliver: bool) -> None:
        keys = self.keys()
        step = data.draw(st.sampled_from([None, keys[0], *keys]))  # from the first on comes all anew
        self.both(lambda s, n: s.replay_run(ANN, self.runs[n], step=step, redeliver=redeliver, now=self.now).state)

    # ------------------------------------------------------------ what must hold

    @invariant()
    def both_stores_agree(self) -> None:
        if not hasattr(self, "runs"):
            return

        def run(store: RunStore, number: int) -> Any:
            found = store.get_run(ANN, self.runs[number])
            return found.state, found.finished_at, found.updated_at, found.result, found.error

        def steps(store: RunStore, number: int) -> Any:
            hidden = {"id", "run_id", "signals"}
            return [
                {name: value for name, value in vars(one).items() if name not in hidden} | {"came": plain(one.signals)}
                for one in store.steps(ANN, self.runs[number])
            ]

        def events(store: RunStore, number: int) -> Any:
            return [(e.seq, e.kind, e.at, e.step, e.data) for e in store.events(ANN, self.runs[number])]

        def waits(store: RunStore, number: int) -> Any:
            rows = store.waits(ANN, run_id=self.runs[number])
            told = [(one.step, one.name, one.asked_at, one.state, one.decision, one.decided_by) for one in rows]
            return sorted(told, key=str)

        for look in (run, steps, events, waits):
            self.both(look)

    @invariant()
    def the_records_fit_each_other(self) -> None:
        if hasattr(self, "runs"):
            check_records(self.general)
            check_records(self.database)


def plain(signals: Mapping[str, Any]) -> dict[str, Any]:
    """Return the signals without the ids of sub-runs."""
    return {
        name: {**signal, "payload": {k: v for k, v in signal["payload"].items() if k != "run_id"}}
        for name, signal in signals.items()
    }


@pytest.mark.parametrize(("kind", "lives"), [("memory", 60), ("sqlite", 25), ("postgres", 25)])
def test_random_lives_of_a_run_agree_and_add_up(kind: str, lives: int, request: pytest.FixtureRequest) -> None:
    with tempfile.TemporaryDirectory() as folder:
        if kind == "memory":
            database = open_in_memory()
        elif kind == "sqlite":
            database = open_database(f"sqlite:///{Path(folder) / 'life.db'}")
        else:
            database = open_database(request.getfixturevalue("postgres_url"))
        general = open_in_memory()
        machine = type("Life", (StepLife,), {"database": database, "general": general})
        try:
            run_state_machine_as_test(
                machine,
                settings=settings(
                    max_examples=lives,
                    stateful_step_count=40,
                    deadline=None,
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            database.close()
            general.close()
