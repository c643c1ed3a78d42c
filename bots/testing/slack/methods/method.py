"""What a method of the Web API is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bots.testing.slack.arguments import Arguments
from bots.testing.slack.identity import Json
from bots.testing.slack.sockets import Sockets
from bots.testing.slack.views import Views
from bots.testing.slack.world import World
from bots.testing.slack.writer import Writer


@dataclass(frozen=True)
class Context:
    """What methods work with. `page_cap` is the most objects that one page of a history holds."""

    world: World
    writer: Writer
    views: Views
    sockets: Sockets
    page_cap: int


@dataclass(frozen=True)
class Method:
    """A function that answers or raises Refusal, and the scope that the token needs. `by_app`: the app-level token."""

    call: Callable[[Context, Arguments], Json]
    scope: str = ""
    by_app: bool = False
