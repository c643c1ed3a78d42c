"""Runs in operation: paused, replayed from a step or as a set, single steps cancelled, dead letters and effects seen."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.command import until
from tests.support.desk import ADMIN, GO, MEMBER, VIEWER
from tieout.application import Application
from tieout.errors import Conflict, InvalidInput, NotFound, PermissionDenied
from tieout.model import Event, RunRequest, RunState
from tieout.ports import RunFilter


def begun(desk: Application, end: str | None = None, **fields: object) -> str:
    """Start a run and return its id."""
    params = {"end": end} if end else {}
    return desk.start_run(MEMBER, RunRequest("How much?", params=params, **fields)).id  # type: ignore[arg-type]


def ended(desk: Application, end: str | None = None, **fields: object) -> str:
    """Start a run, wait until it is final, and return its id."""
    run_id = begun(desk, end, **fields)
    assert desk.wait(MEMBER, run_id, timeout_s=60).state.final
    return run_id


def states(desk: Application, run_id: str) -> dict[str, str]:
    return {step.key: step.state.value for step in desk.steps(VIEWER, run_id)}


def last(desk: Application, run_id: str, kind: str) -> Event:
    return [event for event in desk.events(VIEWER, run_id) if event.kind == kind][-1]


def test_a_paused_run_begins_nothing_until_it_is_resumed(desk: Application) -> None:
    run_id = begun(desk, "block")
    until(lambda: states(desk, run_id)["left"] == "running")
    assert desk.pause(MEMBER, run_id[:20]).state is RunState.PAUSED
    GO.set()
    until(lambda: states(desk, run_id)["right"] == "done" and states(desk, run_id)["left"] == "done")
    assert states(desk, run_id)["end"] == "ready"
    assert desk.run(VIEWER, run_id).state is RunState.PAUSED
    desk.resume(MEMBER, run_id)
    assert desk.wait(MEMBER, run_id, timeout_s=60).state is RunState.DONE
    assert last(desk, run_id, "run_paused").data["principal"] == MEMBER.id
    with pytest.raises(Conflict, match="only what goes on"):
        desk.pause(MEMBER, run_id)


def test_a_running_step_is_cancelled_by_its_key_and_its_run_with_it_when_nothing_goes_on_without(
    desk: Application,
) -> None:
    run_id = begun(desk, "block")
    until(lambda: states(desk, run_id)["left"] == "running")
    assert desk.cancel_step(MEMBER, run_id, "left").state is RunState.CANCELLED
    assert states(desk, run_id)["left"] == "cancelled"
    assert last(desk, run_id, "step_cancelled").step == "left"
    with pytest.raises(Conflict, match="cancelled already"):
        desk.cancel_step(MEMBER, run_id, "left")
    with pytest.raises(NotFound, match="no step 'middle'"):
        desk.cancel_step(MEMBER, run_id, "middle")


def test_a_failed_run_is_replayed_where_it_stopped_and_the_engine_goes_to_work_at_once(desk: Application) -> None:
    run_id = ended(desk, "mend")
    assert desk.run(VIEWER, run_id).state is RunState.FAILED
    begun_at = {step.key: step.started_at for step in desk.steps(VIEWER, run_id)}["begin"]
    GO.set()
    desk.replay(MEMBER, run_id)
    assert desk.wait(MEMBER, run_id, timeout_s=60).state is RunState.DONE
    assert {step.key: step.started_at for step in desk.steps(VIEWER, run_id)}["begin"] == begun_at


def test_a_finished_run_is_replayed_from_a_step_on(desk: Application) -> None:
    run_id = ended(desk)
    before = desk.events(VIEWER, run_id)[-1].seq
    desk.replay(MEMBER, run_id, step="left")
    assert desk.wait(MEMBER, run_id, timeout_s=60).state is RunState.DONE
    until(lambda: desk.events(VIEWER, run_id)[-1].kind == "run_finished")
    again = {event.step for event in desk.events(VIEWER, run_id, after=before) if event.kind == "step_finished"}
    assert again == {"left", "end"}
    assert last(desk, run_id, "run_replayed").data == {"principal": MEMBER.id, "from": "left", "redeliver": False}


def test_what_was_sent_is_sent_again_only_when_somebody_says_so(desk: Application) -> None:
    deaf = desk.parts.channels["deaf"]
    deaf.sent.append("an earlier one, so that the channel answers")  # type: ignore[attr-defined]
    run_id = ended(desk, "unsure")
    sent = list(deaf.sent)  # type: ignore[attr-defined]
    desk.replay(MEMBER, run_id, step="left")
    assert desk.wait(MEMBER, run_id, timeout_s=60).state is RunState.DONE
    assert deaf.sent == sent  # type: ignore[attr-defined]
    desk.replay(MEMBER, run_id, step="left", redeliver=True)
    assert desk.wait(MEMBER, run_id, timeout_s=60).state is RunState.DONE
    assert len(deaf.sent) == len(sent) + 1  # type: ignore[attr-defined]
    with pytest.raises(InvalidInput, match="name it"):
        desk.replay(MEMBER, run_id, redeliver=True)


def test_a_replay_from_no_step_or_into_a_running_one_is_refused(desk: Application) -> None:
    run_id = begun(desk, "block")
    with pytest.raises(NotFound, match="its steps are begin, end, left, right"):
        desk.replay(MEMBER, run_id, step="middle")
    until(lambda: states(desk, run_id)["left"] == "running")
    with pytest.raises(Conflict, match="under way"):
        desk.replay(MEMBER, run_id, step="left")


def test_all_failed_runs_that_fit_are_replayed_and_others_left_alone(desk: Application) -> None:
    fitting = [ended(desk, "mend") for _ in range(2)]
    other = ended(desk, "mend", agent="ask")
    done, cancelled = ended(desk), begun(desk, "block")
    desk.cancel(MEMBER, cancelled)
    where = RunFilter(agent="research", error="cannot be done", since=datetime.now(UTC) - timedelta(hours=1))
    planned = desk.replay_many(MEMBER, where, dry_run=True)
    assert (list(planned.runs), planned.dry_run, planned.more) == (fitting, True, False)
    assert {desk.run(VIEWER, run_id).state for run_id in fitting} == {RunState.FAILED}
    GO.set()
    replayed = desk.replay_many(MEMBER, where)
    assert (list(replayed.runs), dict(replayed.refused)) == (fitting, {})
    assert {desk.wait(MEMBER, run_id, timeout_s=60).state for run_id in fitting} == {RunState.DONE}
    assert [desk.run(VIEWER, one).state.value for one in (other, done, cancelled)] == ["failed", "done", "cancelled"]
    assert list(desk.replay_many(MEMBER, RunFilter(states=(RunState.CANCELLED,))).runs) == [cancelled]
    assert desk.wait(MEMBER, cancelled, timeout_s=60).state is RunState.DONE


@pytest.mark.parametrize(
    "where",
    [
        RunFilter(states=(RunState.DONE,)),
        RunFilter(states=(RunState.FAILED, RunState.RUNNING)),
        RunFilter(error=""),
        RunFilter(agent="re\x00search"),
        RunFilter(since=datetime(2030, 1, 1)),  # noqa: DTZ001
    ],
)
def test_a_filter_that_means_something_else_than_it_says_is_refused(desk: Application, where: RunFilter) -> None:
    failed = ended(desk, "fail")
    with pytest.raises(InvalidInput):
        desk.replay_many(MEMBER, where)
    assert desk.run(VIEWER, failed).state is RunState.FAILED


def test_dead_letters_are_listed_newest_first_of_the_workspace_or_one_run(desk: Application) -> None:
    first, second = ended(desk, "fail"), ended(desk, "fail", agent="ask")
    letters = desk.dead_letters(VIEWER)
    assert [one.run_id for one in letters] == [second, first]
    assert letters[0].agent == "ask"
    assert letters[0].step.error == "this cannot be done"
    assert [one.run_id for one in desk.dead_letters(VIEWER, run_id=first[:20])] == [first]
    assert len(desk.dead_letters(VIEWER, limit=1)) == 1
    for limit in (0, 1_001):
        with pytest.raises(InvalidInput):
            desk.dead_letters(VIEWER, limit=limit)
        with pytest.raises(InvalidInput):
            desk.unknown_effects(VIEWER, limit=limit)
    GO.set()
    assert desk.unknown_effects(VIEWER) == []


def test_members_act_viewers_read_and_nobody_meets_another_workspace(desk: Application) -> None:
    """Every use case of this noun and of the next one, for each role and for a stranger."""
    from tests.support.desk import DRAFT
    from tieout.model import Principal, Role

    stranger = Principal("eve", "elsewhere", Role.ADMIN)
    run_id = begun(desk, "approve")
    until(lambda: desk.run(VIEWER, run_id).state is RunState.WAITING)
    failed = ended(desk, "fail")
    acts = {
        "pause": lambda who: desk.pause(who, run_id),
        "cancel_step": lambda who: desk.cancel_step(who, run_id, "left"),
        "replay": lambda who: desk.replay(who, run_id),
        "replay from": lambda who: desk.replay(who, run_id, step="right", redeliver=True),
        "decide": lambda who: desk.decide(who, run_id, "publish", "approved", draft_sha256=DRAFT),
        "signal": lambda who: desk.signal(who, run_id, "prices/arrived", {}),
    }
    before = desk.events(VIEWER, run_id)
    for name, act in acts.items():
        with pytest.raises(PermissionDenied, match="one must be member"):
            act(VIEWER)
        with pytest.raises(NotFound):
            act(stranger)
        assert desk.events(VIEWER, run_id) == before, name
    with pytest.raises(PermissionDenied):
        desk.replay_many(VIEWER, RunFilter())
    assert list(desk.replay_many(stranger, RunFilter()).runs) == []
    assert desk.run(VIEWER, failed).state is RunState.FAILED
    for who in (VIEWER, MEMBER, ADMIN):
        assert [wait.run_id for wait in desk.waits(who)] == [run_id]
        assert [wait.run_id for wait in desk.waits(who, run_id=run_id)] == [run_id]
        assert [one.run_id for one in desk.dead_letters(who)] == [failed]
        assert desk.unknown_effects(who) == []
    assert (desk.waits(stranger), desk.dead_letters(stranger), desk.unknown_effects(stranger)) == ([], [], [])
    for look in (lambda: desk.waits(stranger, run_id=run_id), lambda: desk.dead_letters(stranger, run_id=failed)):
        with pytest.raises(NotFound):
            look()
    for act in acts.values():
        with suppress(Conflict):  # an admin may do all of it; a cancelled run does not take all of it
            act(ADMIN)
    assert desk.events(VIEWER, run_id)[-1].seq > before[-1].seq
