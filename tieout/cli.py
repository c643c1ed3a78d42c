"""The command line: `tieout`. Commands load what they need when they run, so that `--help` is quick."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from tieout.commands import (
    access,
    backup,
    bot,
    check,
    credentials,
    dlq,
    documents,
    effects,
    market,
    prune,
    research,
    runs,
    sandbox,
    schedules,
    service,
    worker,
)
from tieout.commands.shell import FAILED, INTERRUPTED, USAGE, chosen, report_error
from tieout.commands.terminal import objects_shown, say, show, show_json
from tieout.errors import TieoutError
from tieout.files import storage_error

app = typer.Typer(
    name="tieout",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Research whose every number ties out to a computed fact or a quoted span.",
    epilog="Exit codes: 0 done, 2 usage, 3 needs an answer from you, 4 needs review (open numbers), 5 failed.",
)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        show(f"tieout {version('tieout')}")
        raise typer.Exit


@app.callback()
def options(
    home: Annotated[
        Path | None, typer.Option(help="The data folder (default: TIEOUT_HOME, else ~/.tieout).", show_default=False)
    ] = None,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,  # noqa: ARG001
) -> None:
    """Take the options that stand before the command."""
    chosen.home = home


app.command()(research.demo)
app.command()(research.research)
app.command()(research.ask)
app.command()(check.check)
app.command()(documents.search)
app.command()(documents.ingest)
app.add_typer(documents.app, name="documents")
app.command()(documents.reindex)
app.add_typer(market.app, name="market")
app.add_typer(runs.app, name="runs")
runs.app.command()(prune.prune)
app.add_typer(dlq.app, name="dlq")
app.add_typer(effects.app, name="effects")
app.add_typer(schedules.app, name="schedules")
app.command()(service.up)
app.command("sign-in")(access.sign_in)
app.add_typer(access.members, name="members")
app.add_typer(access.tokens, name="tokens")
app.add_typer(worker.app, name="worker")
app.add_typer(bot.app, name="bot")
app.add_typer(credentials.app, name="credentials")
app.command()(sandbox.sandbox)
app.command()(backup.backup)
app.command()(backup.restore)
app.command()(service.doctor)
app.add_typer(service.config, name="config")


def _terminated(_signal: int, _frame: object) -> None:
    sys.exit(143)  # unwinds, so that running steps are handed back and the folder is released


def main() -> None:
    """Run the command line and exit with its code; expected errors are one line, never a stack trace."""
    signal.signal(signal.SIGTERM, _terminated)
    as_json = "--json" in sys.argv
    before = objects_shown()
    try:
        app()
    except TieoutError as error:
        sys.exit(report_error(error, as_json=as_json))
    except OSError as error:
        if error.filename is None:
            raise
        sys.exit(report_error(storage_error(error, Path(str(error.filename))), as_json=as_json))
    except SystemExit as end:
        if end.code == USAGE and as_json and objects_shown() == before:
            message = "The command line was not understood; standard error says why."
            show_json({"error": {"kind": "InvalidInput", "message": message, "details": {}}})
        raise
    except KeyboardInterrupt:
        say("Stopped.")
        sys.exit(INTERRUPTED)
    except Exception:
        import traceback

        traceback.print_exc()  # a mistake of ours: whoever reports it needs the trace
        if as_json:
            message = "tieout failed in a way that it should not; standard error says where."
            show_json({"error": {"kind": "InternalError", "message": message, "details": {}}})
        sys.exit(FAILED)


if __name__ == "__main__":
    main()
