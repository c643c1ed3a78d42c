"""What is said to a chat model and what it says."""

from __future__ import annotations

from dataclasses import dataclass

from tieout.model.runs import Usage


@dataclass(frozen=True)
class ModelMessage:
    """One message to a model. Text from outside is put in `user` messages, marked as data."""

    role: str  # system | user | assistant
    content: str


@dataclass(frozen=True)
class ModelAnswer:
    """What a model said, and what it cost."""

    text: str
    usage: Usage
    model: str
    finish_reason: str = "stop"
