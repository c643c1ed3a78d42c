"""Counts tokens and money of model calls: as the server reports them, or by a stated estimate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from tieout.model import ModelMessage, Usage

_MILLION = Decimal(1_000_000)
_MESSAGE_OVERHEAD = 8  # tokens that a chat template puts around a message


@dataclass(frozen=True)
class Prices:
    """What a million input and a million output tokens cost, in one currency."""

    input: Decimal = Decimal(0)
    output: Decimal = Decimal(0)

    def usage(self, tokens_in: int, tokens_out: int) -> Usage:
        """Return the usage of one call with those tokens."""
        cost = (self.input * tokens_in + self.output * tokens_out) / _MILLION
        return Usage(1, tokens_in, tokens_out, cost)


def likely_tokens(text: str) -> int:
    """Return about how many tokens a text has: a byte-pair token holds some three bytes of prose with numbers."""
    return math.ceil(len(text.encode()) / 3)


def likely_prompt_tokens(messages: Sequence[ModelMessage]) -> int:
    """Return about how many tokens the messages have, with what a chat template adds."""
    return sum(likely_tokens(message.content) + _MESSAGE_OVERHEAD for message in messages)


def most_prompt_tokens(messages: Sequence[ModelMessage]) -> int:
    """Return what the messages will hardly exceed, two bytes a token: for a budget, which must not be passed."""
    return sum(math.ceil(len(message.content.encode()) / 2) + _MESSAGE_OVERHEAD for message in messages)
