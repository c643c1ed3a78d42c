"""What every command shares: the folder and workspace it acts in, and how an error ends it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tieout.commands import terminal
from tieout.errors import TieoutError

if TYPE_CHECKING:
    from tieout.model import Principal
    from tieout.ports import Desk
    from tieout.settings import Settings

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
RunId = Annotated[str, typer.Argument(metavar="RUN", help="The run's id, or the beginning of it.")]

DONE, USAGE, NEEDS_ANSWER, NEEDS_REVIEW, FAILED, INTERRUPTED = 0, 2, 3, 4, 5, 130
EXIT_CODES = {
    "done": DONE,
    "needs_answer": NEEDS_ANSWER,
    "needs_review": NEEDS_REVIEW,
    "failed": FAILED,
    "cancelled": FAILED,
    "waiting": NEEDS_ANSWER,
}


@dataclass
class Chosen:
    """What the options before the command said."""

    home: Path | None = None


chosen = Chosen()


def settings() -> Settings:
    """Return the settings of this invocation."""
    from tieout.settings import read_settings

    found = read_settings(home=chosen.home)
    _set_up_logs(found.log_level)
    return found


def principal(found: Settings) -> Principal:
    """Return who sits at this terminal: whoever can open the data folder is its administrator."""
    from tieout.model import Principal, Role

    return Principal(found.principal, found.workspace, Role.ADMIN)


@contextmanager
def desk(*, work: bool = False) -> Iterator[tuple[Desk, Principal]]:
    """Give the desk of the data folder, and who asks; with `work`, unfinished runs are carried on."""
    from tieout.connection import connect

    found = settings()
    with connect(found, work=work) as opened:
        yield opened, principal(found)


def report_error(error: TieoutError, *, as_json: bool) -> int:
    """Tell an expected error in one line (and as JSON when asked for), and return the exit code."""
    terminal.say(f"Error: {terminal.line(error.message)}")
    if as_json:
        kind = type(error).__name__
        terminal.show_json({"error": {"kind": kind, "message": error.message, "details": error.json_details()}})
    return error.exit_code


def _set_up_logs(level: str) -> None:
    """Send logs to standard error: standard output belongs to results."""
    import logging

    import structlog

    number = logging.getLevelNamesMapping().get(level.upper(), logging.WARNING)
    logging.basicConfig(stream=sys.stderr, level=number, format="%(levelname)s %(name)s: %(message)s")
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
