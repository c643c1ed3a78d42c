"""Model calls and killed processes, with a real model server outside that counts what it is asked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.crash_points import Point
from tests.support.crash_site import CrashSite
from tests.support.crash_worker import ANN
from tests.support.fake_openai import FakeOpenAI, says, stalls
from tieout.model import RunState

ONE = {"only": ()}


@pytest.fixture
def model() -> Iterator[FakeOpenAI]:
    with FakeOpenAI(says("42")) as server:
        yield server


def test_an_answer_that_was_recorded_is_never_bought_again(site: CrashSite, model: FakeOpenAI) -> None:
    run = site.submit(ONE, actions={"only": "buy"})
    site.start(Point("store.finish_effect", "after", times=2), model=model.url)
    site.await_ends()
    assert len(model.requests) == 1
    assert site.step(run, "only").output == {"answer": "42"}
    assert site.store.get_run(ANN, run.id).usage.calls == 1
    site.audit()


def test_an_answer_that_is_lost_with_its_process_is_bought_once_more_and_charged(
    site: CrashSite, model: FakeOpenAI
) -> None:
    run = site.submit(ONE, actions={"only": "buy"})
    site.start(Point("model.complete", "after"), model=model.url)
    site.await_ends()
    assert len(model.requests) == 2
    assert site.store.get_run(ANN, run.id).usage.calls == 2
    site.audit()


def test_a_call_whose_process_dies_each_time_is_made_twice_and_then_ends_with_a_reason(
    site: CrashSite, model: FakeOpenAI
) -> None:
    run = site.submit(ONE, actions={"only": "buy"})
    site.start(Point("model.complete", "after", times=5), model=model.url)
    site.await_ends(RunState.FAILED)
    assert len(model.requests) == 2
    ended = site.store.get_run(ANN, run.id)
    assert "outcome is not known" in (ended.error or "")
    assert ended.usage.calls == 2
    site.audit()


def test_a_call_that_was_not_made_when_its_process_died_counts_as_made(site: CrashSite, model: FakeOpenAI) -> None:
    """Nobody can know that it was not, so it is charged; the next one is the last."""
    run = site.submit(ONE, actions={"only": "buy"})
    site.start(Point("store.begin_effect", "after"), model=model.url)
    site.await_ends()
    assert len(model.requests) == 1
    assert site.store.get_run(ANN, run.id).usage.calls == 2


def test_a_cancelled_call_stays_charged(site: CrashSite) -> None:
    """It ends in the middle of the answer, for which somebody has to pay."""
    with FakeOpenAI(stalls("Revenue grew.")) as model:
        run = site.submit(ONE, actions={"only": "buy"})
        site.start(model=model.url)
        site.until(lambda: model.requests)
        from datetime import UTC, datetime

        site.store.cancel_run(ANN, run.id, now=datetime.now(UTC))
        ended = site.store.get_run(ANN, run.id)
    assert ended.state is RunState.CANCELLED
    assert ended.usage.calls == 1
    assert ended.usage.tokens_in > 0
