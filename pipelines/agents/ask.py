"""The ask agent: the research steps without the report, for a short sourced answer in seconds."""

from __future__ import annotations

from pipelines.agents.research import ACTIONS, MODEL_LIMIT, gathering
from tieout.model import Plan, RunRequest, StepSpec
from tieout.ports import Agent

_VERSION = "1"


def plan(request: RunRequest) -> Plan:  # noqa: ARG001
    """Return resolve → gather → write → tie out → answer."""
    return Plan(
        "ask",
        _VERSION,
        (
            *gathering(),
            StepSpec("write", "write", ("fundamentals", "market", "passages"), {"brief": True}, limit_key=MODEL_LIMIT),
            StepSpec("tie_out", "tie_out", ("write",)),
            StepSpec("answer", "answer", ("tie_out",)),
        ),
    )


AGENT = Agent("ask", _VERSION, "Answers a question in a few sourced sentences, without a report.", plan, ACTIONS)
