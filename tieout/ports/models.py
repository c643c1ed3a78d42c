"""Chat models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from tieout.model import ModelAnswer, ModelMessage, Usage


class ModelProvider(Protocol):
    """A chat model behind any OpenAI-compatible endpoint."""

    name: str

    def complete(
        self,
        messages: Sequence[ModelMessage],
        *,
        max_tokens: int,
        on_text: Callable[[str], None] | None = None,
    ) -> ModelAnswer:
        """Return the whole answer, streaming pieces to `on_text`.

        Raises ProviderUnavailable (after its retries), ProviderRefused, ProviderError.
        """
        ...

    def estimate(self, messages: Sequence[ModelMessage], max_tokens: int) -> Usage:
        """Return the most that a call could use, for the budget check before it."""
        ...
