"""Messages whose outcome is not known: found by a look-up, sent once more, or decided by a person. Never blindly twice."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest

from tests.support.crash_points import Point
from tests.support.crash_site import CrashSite
from tests.support.crash_worker import ANN
from tieout.model import OpenWait, Run, RunState, StepState, WaitKind, WaitState

ONE = {"only": ()}
SENT = Point("channel.send", "after")


def key(run: Run) -> str:
    return f"{run.id}/only/message"


def decide(site: CrashSite, wait: OpenWait, decision: str) -> None:
    site.store.decide_wait(ANN, wait.run_id, wait.name, decision, now=datetime.now(UTC))


def asked(site: CrashSite, run: Run) -> OpenWait:
    """Wait until the run waits for a person, and return for what."""

    def waits() -> list[OpenWait]:
        return [wait for wait in site.store.waits(ANN, run_id=run.id) if wait.state is WaitState.OPEN]

    site.until(waits)
    (wait,) = waits()
    assert wait.kind is WaitKind.EFFECT
    return wait


def test_a_message_that_arrived_without_an_answer_is_found_and_not_sent_again(site: CrashSite) -> None:
    site.world.rule("only", "hang_up")
    run = site.submit(ONE)
    site.start()
    site.await_ends()
    site.judge()
    assert site.world.tries() == Counter({key(run): 1})


def test_a_message_that_was_lost_on_the_way_is_sent_once_more(site: CrashSite) -> None:
    site.world.rule("only", "lose", "lose", "take")
    run = site.submit(ONE)
    site.start()
    site.await_ends()
    site.judge()
    assert site.world.tries() == Counter({key(run): 3})


def test_an_answer_that_comes_after_the_sender_was_killed_changes_nothing(site: CrashSite) -> None:
    site.world.rule("only", "late")
    run = site.submit(ONE)
    workers = site.start()
    site.until(lambda: site.world.counts()[key(run)])
    for worker in workers:
        worker.kill()
    site.await_ends()
    site.judge()


def test_a_refused_message_was_certainly_not_sent_and_is_no_unknown_effect(site: CrashSite) -> None:
    site.world.rule("only", "refuse")
    run = site.submit(ONE)
    site.start()
    site.await_ends(RunState.FAILED)
    assert site.world.counts() == Counter()
    assert "refused" in (site.step(run, "only").error or "")
    assert site.store.unknown_effects(ANN) == []
    site.audit()


def test_a_world_that_is_away_when_it_is_asked_is_asked_again(site: CrashSite) -> None:
    site.world.rule("only", look_up="away")
    run = site.submit(ONE, attempts=50)
    site.start(SENT)
    site.until(lambda: site.kinds(run)["step_retried"] >= 3)
    site.world.rule("only", look_up="tell")
    site.await_ends()
    site.judge()


@pytest.mark.parametrize("decision", ["arrived", "resend", "drop"])
def test_what_the_channel_cannot_tell_a_person_decides_and_no_worker_waits(site: CrashSite, decision: str) -> None:
    site.world.rule("only", look_up="cannot")
    run = site.submit(ONE)
    site.start(SENT, threads=1)
    wait = asked(site, run)
    assert [effect.key for effect in site.store.unknown_effects(ANN)] == [key(run)]
    assert site.step(run, "only").state is StepState.WAITING
    other = site.submit()  # the only thread of each worker is free for it
    site.until(lambda: site.store.get_run(ANN, other.id).state is RunState.DONE)
    assert site.world.counts()[key(run)] == 1

    decide(site, wait, decision)

    site.await_ends(RunState.DONE, RunState.FAILED)
    ended = site.store.get_run(ANN, run.id)
    assert ended.state is (RunState.FAILED if decision == "drop" else RunState.DONE)
    assert site.world.counts()[key(run)] == (2 if decision == "resend" else 1)  # a person asked for the second
    site.audit()


def test_a_resent_message_of_which_nothing_is_known_again_is_asked_about_again(site: CrashSite) -> None:
    """A decision is about one sending: it never serves for the next."""
    site.world.rule("only", look_up="cannot")
    run = site.submit(ONE)
    site.start(Point("channel.send", "after", times=2))
    first = asked(site, run)
    decide(site, first, "resend")
    second = asked(site, run)
    assert second.name != first.name
    assert site.world.counts() == Counter({key(run): 2})
    decide(site, second, "arrived")
    site.await_ends()
    assert site.world.counts() == Counter({key(run): 2})
    site.audit()


def test_a_run_that_is_done_again_sends_nothing_again_unless_that_is_asked_for(site: CrashSite) -> None:
    run = site.submit()
    site.start()
    site.await_ends()
    site.store.replay_run(ANN, run.id, step="begin", now=datetime.now(UTC))
    site.await_ends()
    site.judge()
    site.store.replay_run(ANN, run.id, step="end", redeliver=True, now=datetime.now(UTC))
    site.await_ends()
    assert site.world.counts() - Counter(site.messages()) == Counter({f"{run.id}/end#1/message": 1})
    site.audit()
