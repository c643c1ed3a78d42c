"""The plans of the research agents: which steps count as calls of the model, and what runs of before keep."""

from __future__ import annotations

import pytest

from pipelines.agents import ask, research
from tieout import codec
from tieout.model import Plan, RunRequest
from tieout.ports import Agent


@pytest.mark.parametrize(("agent", "writing"), [(research.AGENT, {"write", "revise"}), (ask.AGENT, {"write"})])
def test_the_steps_that_may_call_the_model_count_against_its_limit(agent: Agent, writing: set[str]) -> None:
    plan = agent.plan(RunRequest("How much?"))
    assert {step.key for step in plan.steps if step.limit_key == "model"} == writing
    assert {step.limit_key for step in plan.steps if step.key not in writing} == {None}


@pytest.mark.parametrize("agent", [research.AGENT, ask.AGENT])
def test_a_plan_of_before_the_limit_is_carried_out_by_the_same_actions_under_the_same_version(agent: Agent) -> None:
    now = agent.plan(RunRequest("How much?"))
    stored = codec.dump(now)
    for step in stored["steps"]:
        del step["limit_key"]
    before = codec.load(Plan, stored)
    assert {step.limit_key for step in before.steps} == {None}
    assert (before.version, {step.action for step in before.steps}) == (
        now.version,
        {step.action for step in now.steps},
    )
    assert {step.action for step in before.steps} <= set(agent.actions)
