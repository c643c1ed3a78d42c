"""The research agent: resolve → gather in parallel → write → tie out → revise → render."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.agents.evidence import Fundamental, Passages, Prices, Scope
from pipelines.agents.gather_fundamentals import gather_fundamentals
from pipelines.agents.gather_market import gather_market
from pipelines.agents.gather_passages import gather_passages
from pipelines.agents.question import read_question
from pipelines.agents.resolve import resolve_scope
from pipelines.agents.writing import finish, render_report, revise_draft, tie_out_draft, write_draft
from tieout import codec
from tieout.model import Plan, RunRequest, RunState, StepSpec
from tieout.ports import Agent, StepContext, StepOutcome

# Grows when what an action reads or returns changes, so that a worker can tell the plans that it cannot carry out. The
# limit key is not of that kind: runs that were planned without one go on as before.
_VERSION = "1"
MODEL_LIMIT = "model"  # the steps that may call a model count against the limit of this name


def gathering() -> tuple[StepSpec, ...]:
    """Return the steps up to the evidence, which `ask` shares."""
    return (
        StepSpec("resolve", "resolve"),
        StepSpec("fundamentals", "fundamentals", ("resolve",)),
        StepSpec("market", "market", ("resolve",)),
        StepSpec("passages", "passages", ("resolve",)),
    )


def plan(request: RunRequest) -> Plan:  # noqa: ARG001
    """Return the DAG of a report."""
    return Plan(
        "research",
        _VERSION,
        (
            *gathering(),
            StepSpec("write", "write", ("fundamentals", "market", "passages"), limit_key=MODEL_LIMIT),
            StepSpec("tie_out", "tie_out", ("write",)),
            StepSpec("revise", "revise", ("tie_out",), limit_key=MODEL_LIMIT),
            StepSpec("render", "render", ("revise",)),
        ),
    )


def resolve(context: StepContext) -> StepOutcome:
    """Settle company, period and as_of; raise NeedsAnswer when the question has several readings."""
    scope = resolve_scope(context)
    context.emit(
        "scope_resolved",
        companies=[instrument.name for instrument in scope.instruments],
        documents=len(scope.document_ids),
        as_of=scope.as_of.isoformat(),
    )
    return StepOutcome(codec.dump(scope), result={"as_of": scope.as_of.isoformat()})


def fundamentals(context: StepContext) -> StepOutcome:
    """Read the reported figures that the question asks for and compute what follows from them."""
    scope, reading = _scope(context)
    found = gather_fundamentals(context, scope, reading)
    context.emit("figures_read", figures=len(found.figures), facts=len(found.facts))
    return StepOutcome(codec.dump(found))


def market(context: StepContext) -> StepOutcome:
    """Compute the price facts that the question asks for."""
    scope, reading = _scope(context)
    found = gather_market(context, scope, reading)
    context.emit("prices_computed", facts=len(found.facts))
    return StepOutcome(codec.dump(found))


def passages(context: StepContext) -> StepOutcome:
    """Find what the documents say in words."""
    scope, reading = _scope(context)
    found = gather_passages(context, scope, reading)
    context.emit("passages_found", passages=len(found.hits))
    return StepOutcome(codec.dump(found))


def write(context: StepContext) -> StepOutcome:
    """Write the draft: by the model when one is configured, else from the evidence alone."""
    return StepOutcome({"draft": codec.dump(write_draft(context, *_evidence(context)))})


def tie_out(context: StepContext) -> StepOutcome:
    """Match every number of the draft with a fact or a cited span."""
    return StepOutcome(tie_out_draft(context, *_evidence(context), context.inputs["write"]["draft"]))


def revise(context: StepContext) -> StepOutcome:
    """Give a draft with open numbers back to its writer, once."""
    return StepOutcome(revise_draft(context, *_evidence(context)))


def render(context: StepContext) -> StepOutcome:
    """Make the report's files."""
    return _outcome(render_report(context, *_evidence(context), context.inputs["revise"]))


def answer(context: StepContext) -> StepOutcome:
    """Keep a short answer with its ledger."""
    return _outcome(finish(context, *_evidence(context), context.inputs["tie_out"]))


def _outcome(result: Mapping[str, Any]) -> StepOutcome:
    review = result["ledger"]["open"] + result["ledger"]["contradicted"] > 0
    return StepOutcome(result, RunState.NEEDS_REVIEW if review else None, result)


def _scope(context: StepContext) -> tuple[Scope, Any]:
    scope = codec.load(Scope, context.inputs["resolve"])
    return scope, read_question(context.run.request.question, scope.instruments)


def _evidence(context: StepContext) -> tuple[Scope, Fundamental, Prices, Passages]:
    inputs = context.inputs
    return (
        codec.load(Scope, inputs["resolve"]),
        codec.load(Fundamental, inputs["fundamentals"]),
        codec.load(Prices, inputs["market"]),
        codec.load(Passages, inputs["passages"]),
    )


ACTIONS = {
    "resolve": resolve,
    "fundamentals": fundamentals,
    "market": market,
    "passages": passages,
    "write": write,
    "tie_out": tie_out,
    "revise": revise,
    "render": render,
    "answer": answer,
}
AGENT = Agent("research", _VERSION, "Answers a question with a report in which every number ties out.", plan, ACTIONS)
