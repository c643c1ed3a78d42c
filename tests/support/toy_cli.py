"""The real command line over real parts, except that its agents are the toys of tests.support.desk."""

from __future__ import annotations

from tests.support.desk import agents
from tieout import bootstrap, cli

if __name__ == "__main__":
    bootstrap._agents = agents
    cli.main()
