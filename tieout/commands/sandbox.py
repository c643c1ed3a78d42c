"""`sandbox`: a local Slack and Discord in the browser, to talk with tieout without an account."""

from __future__ import annotations

from typing import Annotated

import typer

from tieout.commands import shell, terminal


def sandbox(
    sample: Annotated[bool, typer.Option(help="Put the sample pack into the data folder first.")] = True,
) -> None:
    """Chat with tieout on a web page that stands for Slack and Discord, until Ctrl-C."""
    from tieout.launch import serve_sandbox

    settings = shell.settings()
    serve_sandbox(settings, shell.principal(settings), tell=terminal.say, sample=sample)
