"""`sources`: where every number of a run comes from."""

from __future__ import annotations

from bots.answer import find_run, sources_of
from bots.command import Argument, Asked, Command, Reply
from bots.commands._asking import run_id_in, suggest_runs
from bots.render.document import Document
from tieout.model import Role


def sources(asked: Asked) -> Reply:
    """Show the quotes, pages and queries of a run's numbers."""
    run = find_run(asked.desk, asked.principal, run_id_in(asked.text("run")))
    if not run.state.final:
        return Reply(Document(f"Run {run.id} is {run.state}; it has sources when it has ended."))
    return Reply(sources_of(asked.desk, asked.principal, run))


COMMAND = Command(
    "sources",
    "Show where the numbers of an answer come from.",
    sources,
    (Argument("run", "the run's id, or its beginning", suggest=suggest_runs),),
    Role.VIEWER,
    ("sources",),
)
