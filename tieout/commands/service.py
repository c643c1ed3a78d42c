"""`up`, `doctor` and `config`: running tieout and finding out what is wrong."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tieout.commands import shell, terminal
from tieout.commands.shell import DONE, FAILED, Json

config = typer.Typer(no_args_is_help=True, help="Look at the settings.")

_MARKS = {"ok": "✓", "warning": "!", "failed": "✗"}


def up(
    host: Annotated[str | None, typer.Option(help="The address to listen on (default: loopback).")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="The port (default: a free one).")] = None,
) -> None:
    """Run the service: workers and HTTP, until Ctrl-C."""
    from tieout.launch import serve

    settings = shell.settings()
    given: dict[str, Any] = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    serve(settings.model_copy(update=given), shell.principal(settings), tell=terminal.say)


def doctor(as_json: Json = False) -> None:
    """Say what is configured, what can be reached and what to do."""
    from bots.health import examine_chats
    from tieout.doctor import examine

    settings = shell.settings()
    checks = examine(settings, shell.principal(settings), others=examine_chats)
    failed = any(check.state == "failed" for check in checks)
    if as_json:
        terminal.show_json({"ok": not failed, "checks": [check.as_object() for check in checks]})
    else:
        for check in checks:
            terminal.show(terminal.line(f"{_MARKS[check.state]} {check.name}: {check.detail}"))
            if check.advice:
                terminal.show("    → " + terminal.line(check.advice))
    raise typer.Exit(FAILED if failed else DONE)


@config.command("show")
def show_config(as_json: Json = False) -> None:
    """Show the settings as they are, secrets masked."""
    from tieout.settings import masked

    values = masked(shell.settings())
    if as_json:
        terminal.show_json(values)
    else:
        terminal.show_table(("Setting", "Value"), values.items())
