"""`worker`: processes that run steps, for the team profile."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from tieout.commands import shell, terminal
from tieout.commands.shell import Json

if TYPE_CHECKING:
    from tieout.model import Worker
    from tieout.settings import Settings

app = typer.Typer(help="Run steps in processes of their own (team profile), and list who does.")

Threads = Annotated[int | None, typer.Option(min=1, max=64, help="Threads of each process (default: TIEOUT_WORKERS).")]
Drain = Annotated[
    float | None,
    typer.Option(
        "--drain-s",
        min=0.0,
        help="How long running steps may take to finish after SIGTERM (default: their own limits, at most 600 s).",
        show_default=False,
    ),
]


@app.callback(invoke_without_command=True)
def worker(
    context: typer.Context,
    processes: Annotated[int | None, typer.Option(min=1, max=256, help="How many (default: one per core).")] = None,
    threads: Threads = None,
    drain_s: Drain = None,
) -> None:
    """Run steps until SIGTERM or Ctrl-C: what runs then may finish, and a second signal hands it back at once."""
    if context.invoked_subcommand is not None:
        return
    from tieout.supervisor import Supervisor, same_program
    from tieout.worker import LONGEST_DRAIN_S, require_team

    settings = _with(shell.settings(), threads)
    require_team(settings)
    count = processes or _cores()
    given = [] if drain_s is None else ["--drain-s", str(drain_s)]
    command = same_program("--home", str(settings.folder), "worker", "process", "--threads", str(settings.workers))
    terminal.say(f"tieout worker: {count} processes with {settings.workers} threads each. Ctrl-C drains them.")
    patience_s = LONGEST_DRAIN_S if drain_s is None else drain_s
    raise typer.Exit(Supervisor([*command, *given], count, tell=terminal.say, patience_s=patience_s).run())


@app.command("process", hidden=True)
def process(threads: Threads = None, drain_s: Drain = None) -> None:
    """Run steps in this one process. Orders come on standard input, whose end ends it: a supervisor starts this."""
    import sys

    from tieout.worker import Orders, work

    settings = _with(shell.settings(), threads)
    work(settings, Orders(sys.stdin.fileno()), drain_s=drain_s, tell=terminal.say)


@app.command("list")
def list_workers(as_json: Json = False) -> None:
    """List the processes that run steps: `tieout up`, those of `tieout worker`, and commands."""
    from tieout import codec
    from tieout.model import Worker

    with shell.desk() as (desk, who):
        found = desk.workers(who)
    if as_json:
        terminal.show_json({"workers": codec.dump(found, list[Worker])})
        return
    now = datetime.now(UTC)
    columns = ("Owner", "Kind", "Host", "Process", "Threads", "Sign of life", "Since", "Seen", "State")
    terminal.show_table(columns, [_row(one, now) for one in found], right=("Process", "Threads"))


def _row(one: Worker, now: datetime) -> tuple[object, ...]:
    times = (f"{one.started_at:%Y-%m-%d %H:%M:%S}", f"{one.seen_at:%Y-%m-%d %H:%M:%S}")
    return (one.owner, one.kind, one.host, one.pid, one.threads, one.liveness, *times, one.state(now))


def _cores() -> int:
    """Return how many cores this process may use, which a container's limit may have lowered."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _with(settings: Settings, threads: int | None) -> Settings:
    return settings if threads is None else settings.model_copy(update={"workers": threads})
