"""What Prometheus gets to see of the engine."""

import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from store.database import Database, open_in_memory
from store.runs import SqlRunStore
from tests.support.servers import free_port
from tieout.errors import NotAvailable
from tieout.metrics import PrometheusMeasures, served
from tieout.model import Plan, Principal, RunRequest, StepSpec, Wait, WaitKind
from tieout.ports import Depths

ANN = Principal("ann", "desk")
NOW = datetime.now(UTC)


def sample(text: bytes, name: str, **labels: str) -> float | None:
    for family in text_string_to_metric_families(text.decode()):
        for one in family.samples:
            if one.name == name and one.labels == labels:
                return one.value
    return None


@pytest.fixture
def store() -> SqlRunStore:
    return SqlRunStore(open_in_memory())


def test_depths_are_those_of_the_state_of_record(store: SqlRunStore) -> None:
    shape = Plan("toy", "1", tuple(StepSpec(key, "work", max_attempts=1) for key in "abcde"))
    run = store.create_run(ANN, RunRequest("?"), shape, now=NOW - timedelta(seconds=90))
    steps = {step.key: step.id for step in store.steps(ANN, run.id)}

    def claim(key: str):  # type: ignore[no-untyped-def]
        claimed = store.claim_step(steps[key], "me", lease_s=30, now=NOW)
        assert claimed
        return claimed

    claim("a")
    store.suspend_step(claim("b"), [Wait(WaitKind.EVENT, "news")], {}, now=NOW)
    begun = claim("c")
    store.begin_effect(begun, "message", "delivery", {}, now=NOW)
    store.defer_step(begun, "not here", retry_at=NOW + timedelta(hours=1), now=NOW)
    other = store.create_run(ANN, RunRequest("?"), Plan("toy", "1", (StepSpec("only", "work"),)), now=NOW)
    store.pause_run(ANN, other.id, now=NOW)
    text = PrometheusMeasures(store).text()
    counted = {state: sample(text, "tieout_steps", state=state) for state in ("ready", "running", "waiting", "retry")}
    assert counted == {"ready": 2, "running": 1, "waiting": 1, "retry": 1}
    assert sample(text, "tieout_runs", state="running") == 1
    assert sample(text, "tieout_runs", state="paused") == 1
    assert sample(text, "tieout_effects_unknown") == 1
    assert (sample(text, "tieout_oldest_ready_seconds") or 0) >= 90
    assert sample(text, "tieout_up") == 1
    store.fail_step(claim("d"), "no", retry_at=None, now=NOW)
    assert sample(PrometheusMeasures(store).text(), "tieout_steps", state="dead") == 1


def test_what_the_engine_counts_is_exported(store: SqlRunStore) -> None:
    measures = PrometheusMeasures(store)
    measures.hinted(5, resent=2)
    measures.broker_lost()
    measures.leases(4, 3)
    measures.freed(2)
    measures.claimed(0.02)
    measures.ended("research", "write", "done", 3.0)
    text = measures.text()
    assert sample(text, "tieout_hints_total") == 5
    assert sample(text, "tieout_hints_resent_total") == 2
    assert sample(text, "tieout_broker_losses_total") == 1
    assert sample(text, "tieout_leases_lost_total") == 1
    assert sample(text, "tieout_steps_freed_total") == 2
    assert sample(text, "tieout_claim_latency_seconds_bucket", le="0.025") == 1
    assert sample(text, "tieout_claim_latency_seconds_bucket", le="0.01") == 0
    labels = {"agent": "research", "action": "write", "outcome": "done"}
    assert sample(text, "tieout_step_duration_seconds_sum", **labels) == 3.0


def test_a_state_of_record_that_does_not_answer_is_told_and_the_rest_goes_on() -> None:
    class Away(SqlRunStore):
        def depths(self, *, now: datetime) -> Depths:
            raise NotAvailable("away")

    database: Database = open_in_memory()
    text = PrometheusMeasures(Away(database)).text()
    assert sample(text, "tieout_up") == 0
    assert sample(text, "tieout_hints_total") == 0


def test_processes_of_one_machine_share_out_the_ports(store: SqlRunStore) -> None:
    first_port = free_port()
    text = PrometheusMeasures(store).text
    with served(text, "127.0.0.1", first_port) as one, served(text, "127.0.0.1", first_port) as two:
        assert one != two
        for port in (one, two):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
                assert b"tieout_up 1.0" in answer.read()
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/secrets")
