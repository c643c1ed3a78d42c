"""The limits of the settings reach the store: what they forbid does not start."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.desk import MEMBER, agents
from tieout import bootstrap
from tieout.model import RunRequest
from tieout.settings import read_settings

NOW = datetime.now(UTC)


@pytest.mark.parametrize(("limits", "may_start"), [({}, 1), ({"workspace:*": {"concurrency": 1}}, 0)])
def test_a_workspace_runs_as_many_steps_at_a_time_as_its_limit_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limits: object, may_start: int
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(bootstrap, "_agents", agents)
    with bootstrap.open_desk(read_settings(home=tmp_path / "home", limits=limits)) as desk:
        run = desk.start_run(MEMBER, RunRequest("How much?"))
        ids = {step.key: step.id for step in desk.steps(MEMBER, run.id)}
        first = desk.store.claim_step(ids["begin"], "me", lease_s=30, now=NOW)
        assert first is not None
        desk.store.complete_step(first, {}, now=NOW)
        assert desk.store.claim_step(ids["left"], "me", lease_s=30, now=NOW) is not None
        assert len(desk.store.ready_steps(limit=9, now=NOW)) == may_start
        other = desk.store.claim_step(ids["right"], "me", lease_s=30, now=NOW)
        assert (other is not None) is bool(may_start)
