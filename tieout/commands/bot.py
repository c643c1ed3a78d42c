"""`bot`: answering in a chat, without the rest of the service, and what an installation there needs."""

from __future__ import annotations

from typing import Annotated

import typer

from tieout.commands import shell, terminal

app = typer.Typer(
    no_args_is_help=True, help="Answer in Slack or Discord; `tieout up` does so, too, when there are tokens."
)


@app.command()
def slack(
    manifest: Annotated[
        bool, typer.Option("--manifest", help="Print the app's manifest, for api.slack.com/apps, and answer nothing.")
    ] = False,
    url: Annotated[
        str | None,
        typer.Option(help="With --manifest: events come over HTTP to this public https:// address of `tieout up`."),
    ] = None,
) -> None:
    """Answer in Slack until Ctrl-C (TIEOUT_SLACK_BOT_TOKEN, TIEOUT_SLACK_APP_TOKEN)."""
    from tieout.errors import InvalidInput

    if manifest:
        _show_manifest(url)
    elif url is not None:
        raise InvalidInput("--url belongs to --manifest: `tieout up --host` says where the service listens.")
    else:
        _serve("slack")


@app.command()
def discord(
    invite: Annotated[
        bool, typer.Option("--invite", help="Print the address that invites the bot to a server, and answer nothing.")
    ] = False,
) -> None:
    """Answer in Discord until Ctrl-C (TIEOUT_DISCORD_TOKEN)."""
    if invite:
        _show_invitation()
    else:
        _serve("discord")


def _serve(platform: str) -> None:
    from tieout.launch import serve_chat

    serve_chat(shell.settings(), platform, tell=terminal.say)


def _show_manifest(url: str | None) -> None:
    from bots.command import discover
    from bots.slack.manifest import manifest

    made = manifest([command.name for command in discover()], url=url)
    terminal.show_json(made)


def _show_invitation() -> None:
    """Print the address; a service that runs is asked for it, as it alone has the token that is kept."""
    from bots.discord.health import INVITATION, invitation
    from tieout.bootstrap import with_credentials
    from tieout.client import HttpDesk
    from tieout.errors import NotAvailable

    settings = shell.settings()
    if settings.discord_token:
        terminal.show(invitation(settings))
        return
    with shell.desk() as (desk, who):
        if not isinstance(desk, HttpDesk):
            kept = getattr(desk, "credential_store", None)
            terminal.show(invitation(with_credentials(settings, kept)))
            return
        found = next((check for check in desk.doctor(who) if check["name"] == INVITATION), None)
    if found is None:
        raise NotAvailable("The service that runs reaches no Discord with its token; `tieout doctor` says why.")
    terminal.show(found["detail"])
