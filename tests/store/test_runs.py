"""What only the SQL run store has: rows for audit, and other processes."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import select

from store.database import Database, open_database
from store.runs import SqlRunStore
from store.tables import attempts, effects
from tieout.model import Plan, Principal, RunRequest, StepSpec, Usage
from tieout.ports import Claimed

ANN = Principal("ann", "desk")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    url = (
        f"sqlite:///{tmp_path / 'tieout.db'}" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    )
    database = open_database(url)
    yield database
    database.close()


def test_every_attempt_leaves_a_row(database: Database) -> None:
    store = SqlRunStore(database)
    run = store.create_run(ANN, RunRequest("?"), Plan("toy", "1", (StepSpec("a", "x", max_attempts=9),)), now=NOW)
    step_id = store.steps(ANN, run.id)[0].id

    def claim(owner: str) -> Claimed:
        store.promote_due(now=NOW)
        claimed = store.claim_step(step_id, owner, lease_s=30, now=NOW)
        assert claimed
        return claimed

    store.fail_step(claim("one"), "no", retry_at=NOW, now=NOW)
    claim("two")
    store.release_lost(now=NOW, alive=lambda owner: False)
    store.hand_back(claim("three"), now=NOW)
    store.complete_step(claim("four"), {}, now=NOW)
    query = select(attempts.c.fence, attempts.c.attempt, attempts.c.owner, attempts.c.outcome).order_by("fence")
    rows = [tuple(row) for row in database.read(lambda connection: connection.execute(query).all())]
    assert rows == [
        (1, 1, "one", "failed"),
        (2, 2, "two", "lost"),
        (4, 3, "three", "handed_back"),
        (5, 3, "four", "done"),
    ]


def test_the_usage_of_a_run_is_the_sum_of_its_effects(database: Database) -> None:
    store = SqlRunStore(database)
    run = store.create_run(ANN, RunRequest("?"), Plan("toy", "1", (StepSpec("a", "x"),)), now=NOW)
    claimed = store.claim_step(store.steps(ANN, run.id)[0].id, "me", lease_s=30, now=NOW)
    assert claimed
    for number in range(4):
        estimate = Usage(1, 100 * number, 10, Decimal("0.10"))
        store.begin_effect(claimed, f"k{number}", "call", {}, now=NOW, estimate=estimate)
    store.finish_effect("k1", {}, now=NOW, usage=Usage(1, 7, 3, Decimal("0.07")))
    store.withdraw_effect("k2", now=NOW, usage=Usage(1, 5, 1, Decimal("0.01")))
    rows = database.read(lambda connection: connection.execute(select(effects)).all())
    total = sum((Usage(row.calls, row.tokens_in, row.tokens_out, row.cost) for row in rows), Usage())
    assert store.get_run(ANN, run.id).usage == total


_DRAIN = """
import sys
from datetime import UTC, datetime
from store.database import open_database
from store.runs import SqlRunStore
database = open_database(sys.argv[1])
store = SqlRunStore(database)
now = datetime.now(UTC)
while ready := store.ready_steps(limit=50, now=now):
    for step in ready:
        claimed = store.claim_step(step.step_id, sys.argv[2], lease_s=60, now=now)
        if claimed:
            print(step.step_id, flush=True)
            store.complete_step(claimed, {"by": sys.argv[2]}, now=now)
database.close()
"""


def test_processes_that_drain_one_store_share_each_step_once(database: Database) -> None:
    """Real processes claim and complete in competition; each step is had by one and all runs end."""
    store = SqlRunStore(database)
    shape = Plan("toy", "1", (StepSpec("a", "x"), StepSpec("b", "x"), StepSpec("c", "x", ("a", "b"))))
    for _ in range(20):
        store.create_run(ANN, RunRequest("?"), shape, now=NOW)
    url = database.engine.url.render_as_string(hide_password=False)
    processes = [
        subprocess.Popen([sys.executable, "-c", _DRAIN, url, name], stdout=subprocess.PIPE, text=True, cwd=ROOT)
        for name in ("one", "two", "three")
    ]
    printed = Counter(line for process in processes for line in process.communicate()[0].splitlines())
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert len(printed) == 60
    assert set(printed.values()) == {1}
    assert {run.state.value for run in store.list_runs(ANN)} == {"done"}
