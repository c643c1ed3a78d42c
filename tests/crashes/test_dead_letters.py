"""Steps that kill their process, and steps that are cancelled while they run."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.support.crash_site import CrashSite
from tests.support.crash_worker import ANN
from tieout.model import RunState, StepState


def test_a_step_that_kills_its_process_each_time_ends_as_a_dead_letter_and_the_others_go_on(site: CrashSite) -> None:
    others = [site.submit(attempts=50) for _ in range(3)]
    deadly = site.submit({"only": ()}, actions={"only": "die"}, attempts=4)
    site.start()
    site.await_ends(RunState.DONE, RunState.FAILED)
    assert site.store.get_run(ANN, deadly.id).state is RunState.FAILED
    assert {site.store.get_run(ANN, run.id).state for run in others} == {RunState.DONE}
    (letter,) = site.store.dead_letters(ANN)
    assert (letter.run_id, letter.step.key, letter.step.attempt) == (deadly.id, "only", 4)
    assert letter.step.error == "its process ended in attempt 4 of 4"
    assert site.kinds(deadly)["step_started"] == 4
    site.runs.remove(deadly.id)
    assert site.world.counts() == dict.fromkeys(site.messages(), 1)
    site.audit()


def test_a_running_step_of_another_process_sees_the_cancellation_and_what_it_had_is_kept(site: CrashSite) -> None:
    """It would go on for ever otherwise."""
    run = site.submit({"only": (), "after": ("only",)}, actions={"only": "park"})
    site.start()
    site.until((site.folder / "parked only").exists)
    site.store.cancel_run(ANN, run.id, now=datetime.now(UTC))
    site.until(lambda: site.step(run, "only").output == {"partial": True})
    assert site.step(run, "only").state is StepState.CANCELLED
    assert site.kinds(run)["partial_result_kept"] == 1
    assert not site.world.counts()
    site.audit()


def test_a_single_step_is_cancelled_while_it_runs_and_what_does_without_it_goes_on(site: CrashSite) -> None:
    run = site.submit(actions={"left": "park"}, policies={"end": "skip"})
    site.start()
    site.until((site.folder / "parked left").exists)
    site.store.cancel_step(ANN, run.id, "left", now=datetime.now(UTC))
    site.until(lambda: site.step(run, "left").output == {"partial": True})
    site.await_ends(RunState.DONE)
    sent = {f"{run.id}/{key}/message": 1 for key in ("begin", "right", "end")}
    assert site.world.counts() == sent
    site.audit()
