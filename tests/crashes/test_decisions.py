"""People who decide at the same moment, through the application: one of them wins, and what follows happens once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from store.database import open_database
from store.runs import SqlRunStore
from tests.support.crash_agent import DRAFT, Agents
from tests.support.crash_site import CrashSite
from tests.support.crash_worker import ANN, BEN
from tests.support.run_store import together
from tieout.application import Application
from tieout.bootstrap import NoEngine
from tieout.changes import LocalChanges
from tieout.errors import Conflict, TieoutError
from tieout.model import OpenWait, RunState, WaitState

ROUNDS = 30
ONE = {"only": ()}


@pytest.fixture
def doors(site: CrashSite) -> Iterator[tuple[Application, Application]]:
    """Yield two applications, each with connections of its own, as of two processes."""
    databases = [open_database(site.job.url) for _ in range(2)]
    nothing: Any = None
    first, second = (
        Application(
            SqlRunStore(database), NoEngine(changes), Agents(), nothing, nothing, nothing, changes, Path("reports")
        )
        for database in databases
        for changes in [LocalChanges()]
    )
    yield first, second
    for database in databases:
        database.close()


def ask_in(site: CrashSite, rounds: int = ROUNDS) -> list[str]:
    """Start runs, wait until all of them wait for an approval, and return their ids."""
    for _ in range(rounds):
        site.submit(ONE, actions={"only": "ask"})
    site.start()
    site.until(lambda: all(run.state is RunState.WAITING for run in site.looked()))
    return list(site.runs)


def won(results: list[Any]) -> list[bool]:
    assert all(isinstance(result, Conflict) or not isinstance(result, TieoutError) for result in results), results
    return [not isinstance(result, TieoutError) for result in results]


def test_an_approval_given_twice_at_once_counts_once(site: CrashSite, doors: tuple[Application, Application]) -> None:
    ids = ask_in(site)
    with ThreadPoolExecutor(2) as pool:
        for run_id in ids:
            results = together(
                pool,
                lambda run_id=run_id: doors[0].decide(ANN, run_id, "publish", "approved", draft_sha256=DRAFT),
                lambda run_id=run_id: doors[1].decide(BEN, run_id, "publish", "approved", draft_sha256=DRAFT),
            )
            assert sorted(won(results)) == [False, True], results
    site.await_ends()
    site.judge()
    for run in site.looked():
        kinds = site.kinds(run)
        assert (kinds["approval_approved"], kinds["decision_refused"]) == (1, 1)


def test_an_approval_against_a_refusal_has_one_winner(site: CrashSite, doors: tuple[Application, Application]) -> None:
    ids = ask_in(site)
    sent = set()
    with ThreadPoolExecutor(2) as pool:
        for run_id in ids:
            results = together(
                pool,
                lambda run_id=run_id: doors[0].decide(ANN, run_id, "publish", "approved", draft_sha256=DRAFT),
                lambda run_id=run_id: doors[1].decide(BEN, run_id, "publish", "refused", draft_sha256=DRAFT),
            )
            (winner,) = [one for one in results if isinstance(one, OpenWait)]
            if winner.decision == "approved":
                sent.add(f"{run_id}/only/message")
    site.await_ends()
    assert site.world.counts() == Counter(sent)
    site.audit()


def test_an_approval_against_a_cancellation_has_one_winner(
    site: CrashSite, doors: tuple[Application, Application]
) -> None:
    """Approved first, the run may still be cancelled while it publishes; cancelled first, nothing is sent."""
    ids = ask_in(site)
    with ThreadPoolExecutor(2) as pool:
        for run_id in ids:
            approved, cancelled = together(
                pool,
                lambda run_id=run_id: doors[0].decide(ANN, run_id, "publish", "approved", draft_sha256=DRAFT),
                lambda run_id=run_id: doors[1].cancel(BEN, run_id),
            )
            assert not isinstance(cancelled, Exception)
            (wait,) = site.store.waits(ANN, run_id=run_id)
            kinds = Counter(event.kind for event in site.store.events(ANN, run_id))
            if isinstance(approved, OpenWait):
                assert (wait.state, kinds["approval_approved"]) == (WaitState.DECIDED, 1)
            else:
                assert isinstance(approved, Conflict)
                assert (wait.state, kinds["approval_approved"]) == (WaitState.CANCELLED, 0)
                assert cancelled.state is RunState.CANCELLED
    site.until(lambda: all(run.state.final for run in site.looked()))
    counts = site.world.counts()
    for run in site.looked():
        sent = counts[f"{run.id}/only/message"]
        approved_first = site.kinds(run)["approval_approved"] == 1
        assert sent <= approved_first
        assert sent == 1 or run.state is RunState.CANCELLED
    site.audit()
