"""The writer that lets a model word the report; its numbers still come from facts and cited spans only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pipelines.agents.model_answer import NOT_FOUND, UnusableAnswer, read_answer
from pipelines.agents.prompts import Material, correction, draft_json, first_messages, material
from pipelines.agents.writer import Brief
from tieout.errors import ProviderError
from tieout.model import Claim, Draft, ModelMessage
from tieout.ports import StepContext


class ModelWriter:
    """A `Writer` over the model of the parts. `max_tokens` is the longest answer that is asked for."""

    name = "model"

    def __init__(self, max_tokens: int = 4_000) -> None:
        self._max_tokens = max_tokens

    def write(
        self, context: StepContext, brief: Brief, errors: Sequence[str] = (), previous: Draft | None = None
    ) -> Draft:
        """Return the model's draft; with `errors` and `previous`, a corrected one.

        An answer with problems goes back once; from the second answer the sentences that still have one are left
        out. With nothing to write from the model is not asked. Raises ProviderError when the second answer is no
        draft either, ProviderRefused, ProviderUnavailable, BudgetExceeded, NotAvailable.
        """
        names = material(brief)
        if names.empty:
            return brief.outline or Draft(brief.question, (Claim("Answer", NOT_FOUND),), (), brief.notes)
        messages = first_messages(brief, names)
        key = "write"
        if brief.outline is None:
            brief = replace(brief, outline=previous)  # a correction keeps title, tables, charts and notes
        if previous is not None and errors:
            messages += correction(draft_json(previous, names), errors)
            key = "revise"
        return self._ask(context, brief, names, messages, key)

    def _ask(
        self, context: StepContext, brief: Brief, names: Material, messages: list[ModelMessage], key: str
    ) -> Draft:
        said, result = self._once(context, brief, names, messages, key)
        if isinstance(result, Draft):
            return result
        context.emit("model_draft_rejected", key=key, problems=result.problems)
        again = [*messages, *correction(said, result.problems)]
        _, result = self._once(context, brief, names, again, f"{key}_again", strict=False)
        if isinstance(result, Draft):
            return result
        raise ProviderError(
            f"model {_model_name(context)} gave no usable draft, twice: {result.problems[0]} Choose another "
            "TIEOUT_MODEL, or unset it to have the report written without a model",
            problems=result.problems,
        )

    def _once(
        self,
        context: StepContext,
        brief: Brief,
        names: Material,
        messages: list[ModelMessage],
        key: str,
        *,
        strict: bool = True,
    ) -> tuple[str, Draft | UnusableAnswer]:
        answer = context.call_model(key, messages, max_tokens=self._max_tokens)
        try:
            return answer.text, read_answer(answer.text, brief, names, f"model {answer.model}", strict=strict)
        except UnusableAnswer as error:
            if answer.finish_reason == "length":
                cut = "The answer met the length limit and was cut off; write fewer and shorter sentences."
                return answer.text, UnusableAnswer([cut])
            return answer.text, error


def _model_name(context: StepContext) -> str:
    return context.parts.model.name if context.parts.model else "(none)"
