"""`bot`: answering in a chat, without the rest of the service."""

from __future__ import annotations

import typer

from tieout.commands import shell, terminal

app = typer.Typer(
    no_args_is_help=True, help="Answer in Slack or Discord; `tieout up` does so, too, when there are tokens."
)


@app.command()
def slack() -> None:
    """Answer in Slack until Ctrl-C (TIEOUT_SLACK_BOT_TOKEN, TIEOUT_SLACK_APP_TOKEN)."""
    _serve("slack")


@app.command()
def discord() -> None:
    """Answer in Discord until Ctrl-C (TIEOUT_DISCORD_TOKEN)."""
    _serve("discord")


def _serve(platform: str) -> None:
    from tieout.launch import serve_chat

    serve_chat(shell.settings(), platform, tell=terminal.say)
