"""Finds the agents: every module of this package that has an `AGENT`, and what other packages bring along.

A package brings one by an entry point of the group `tieout.agents`. The same name twice fails loudly.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from importlib.metadata import entry_points

import pipelines.agents
from tieout.errors import NotFound
from tieout.ports import Agent

_GROUP = "tieout.agents"


class AgentCatalogue:
    """The agents of an installation, by name."""

    def __init__(self, agents: Iterable[Agent]) -> None:
        """Take agents. Raises ValueError for two of one name."""
        self._agents: dict[str, Agent] = {}
        for agent in agents:
            if agent.name in self._agents:
                raise ValueError(f"two agents are called {agent.name!r}")
            self._agents[agent.name] = agent

    def get(self, name: str) -> Agent:
        """Return the agent. Raises NotFound naming those there are."""
        if name not in self._agents:
            raise NotFound(f"There is no agent {name!r}; there are: {', '.join(sorted(self._agents))}.")
        return self._agents[name]

    def __iter__(self) -> Iterator[Agent]:
        return iter(self._agents.values())


def discover() -> AgentCatalogue:
    """Return the agents of this package and of entry points. Raises ValueError for two of one name."""
    found = pkgutil.iter_modules(pipelines.agents.__path__)
    modules = [importlib.import_module(f"{pipelines.agents.__name__}.{module.name}") for module in found]
    own = [module.AGENT for module in modules if hasattr(module, "AGENT")]
    return AgentCatalogue([*own, *(entry.load() for entry in entry_points(group=_GROUP))])
