"""Who may read a run: all of the workspace, or those who read where it was asked for."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tieout.errors import InvalidInput, NotFound
from tieout.model import Plan, Principal, Role, RunRequest, StepSpec, Wait, WaitKind
from tieout.ports import RunStore

NOW = datetime(2026, 11, 26, 9, tzinfo=UTC)
HERE = "slack/T/C"
ANN = Principal("ann", "desk", audience=HERE)
BEN, ELSEWHERE = Principal("ben", "desk"), Principal("ben", "desk", audience="slack/T/D")
PLAN = Plan("toy", "1", (StepSpec("a", "a", max_attempts=1),))


def start(store: RunStore, audience: str, key: str | None = None) -> str:
    request = RunRequest("q", agent="toy", audience=audience, idempotency_key=key)
    return store.create_run(ANN, request, PLAN, now=NOW).id


@pytest.mark.parametrize("key", [None, "once"])
def test_a_run_of_a_circle_is_read_by_those_of_the_circle_and_admins(store: RunStore, key: str | None) -> None:
    own, shared = start(store, HERE, key), start(store, "")
    for reader in (ANN, replace(BEN, audience=HERE), replace(BEN, role=Role.ADMIN)):
        assert {run.id for run in store.list_runs(reader)} == {own, shared}
        assert store.get_run(reader, own).request.audience == HERE
        assert store.steps(reader, own) and store.events(reader, own)
    for other in (BEN, ELSEWHERE, replace(ANN, audience="")):
        assert [run.id for run in store.list_runs(other)] == [shared]
        for read in (store.get_run, store.steps, store.events, store.artifacts):
            with pytest.raises(NotFound):
                read(other, own)
        with pytest.raises(NotFound):
            store.cancel_run(other, own, now=NOW)
        with pytest.raises(NotFound):
            store.get_run(other, own[:-1])


def test_its_waits_and_dead_steps_are_not_listed_for_others(store: RunStore) -> None:
    for audience in (HERE, ""):
        run_id = start(store, audience)
        (step,) = store.steps(ANN, run_id)
        claimed = store.claim_step(step.id, "worker", lease_s=30, now=NOW)
        assert claimed is not None
        store.suspend_step(claimed, (Wait(WaitKind.APPROVAL, "ok", draft_sha256="a" * 64),), {}, now=NOW)
        dead = start(store, audience)
        (step,) = store.steps(ANN, dead)
        claimed = store.claim_step(step.id, "worker", lease_s=30, now=NOW)
        assert claimed is not None
        store.fail_step(claimed, "no", retry_at=None, now=NOW)
    assert (len(store.waits(ANN)), len(store.dead_letters(ANN))) == (2, 2)
    assert (len(store.waits(BEN)), len(store.dead_letters(BEN))) == (1, 1)


@pytest.mark.parametrize(("audience", "allowed"), [("", True), (HERE, True), ("ann", True), ("slack/T/D", False)])
def test_a_sub_run_is_for_all_for_its_runs_circle_or_for_who_asked(
    store: RunStore, audience: str, allowed: bool
) -> None:
    run_id = start(store, HERE)
    (step,) = store.steps(ANN, run_id)
    claimed = store.claim_step(step.id, "worker", lease_s=30, now=NOW)
    assert claimed is not None and claimed.run.asker == replace(ANN, role=Role.MEMBER)
    wait = Wait(WaitKind.RUN, "child", request=RunRequest("q", agent="toy", audience=audience), plan=PLAN)
    if not allowed:
        with pytest.raises(InvalidInput):
            store.suspend_step(claimed, (wait,), {}, now=NOW)
        return
    store.suspend_step(claimed, (wait,), {}, now=NOW)
    child = store.waits(ANN, run_id=run_id)[0].child_run
    assert child is not None
    assert store.get_run(replace(ANN, audience=audience), child).asker.audience == audience
