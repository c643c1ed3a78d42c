"""Opens the chat doors that there are tokens for, with what they share: the intake and the progress of runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import reduce
from typing import TYPE_CHECKING, Protocol

from bots.inbound import Inbound
from bots.intake import Intake, Taken
from bots.progress import Progress
from tieout.application import Application
from tieout.errors import NotAvailable
from tieout.model import Principal, Role
from tieout.ports import Desk
from tieout.settings import Settings

if TYPE_CHECKING:
    from starlette.types import ASGIApp


class Door(Protocol):
    """A connection to a chat platform."""

    def start(self) -> None:
        """Connect; return at once."""
        ...

    def wrap(self, app: ASGIApp) -> ASGIApp:
        """Return the service's application, with the platform's own paths when it is called over HTTP."""
        ...

    def stop(self) -> None:
        """Disconnect."""
        ...


def configured(settings: Settings) -> list[str]:
    """Return the platforms that there are tokens for."""
    receives = settings.slack_app_token or settings.slack_signing_secret
    slack = ["slack"] if settings.slack_bot_token and receives else []
    return slack + (["discord"] if settings.discord_token else [])


def check_alone(settings: Settings, platform: str) -> None:
    """Raise NotAvailable for a platform that would call us over HTTP, which only `tieout up` serves."""
    if platform == "slack" and settings.slack_signing_secret and not settings.slack_app_token:
        raise NotAvailable(
            "With a signing secret and no app-level token, Slack's events come over HTTP, which `tieout up` serves. "
            "Run that, or set TIEOUT_SLACK_APP_TOKEN (xapp-…) for Socket Mode."
        )


@contextmanager
def open_doors(settings: Settings, desk: Application, platforms: list[str]) -> Iterator[Callable[[ASGIApp], ASGIApp]]:
    """Receive from the platforms during the block; give what adds their paths to the service's application.

    Raises NotAvailable: a token is missing or refused.
    """
    conversations = desk.parts.conversations
    if conversations is None:
        raise NotAvailable("This installation keeps no conversations.")
    intake = Intake(desk, conversations, settings)
    progress = Progress(desk, desk.changes, desk.parts.channels, intake.take, every_s=settings.chat_progress_s)

    def take(inbound: Inbound) -> Taken:
        taken = intake.take(inbound)
        if taken.run_id is not None:
            progress.watch(taken.principal, taken.run_id)
        return taken

    with ExitStack() as stack:
        stack.callback(progress.stop)
        workspaces = dict.fromkeys((settings.workspace, *settings.chat_workspaces.values()))
        progress.start([Principal("bots", workspace, Role.ADMIN) for workspace in workspaces])
        doors = [_DOORS[platform](settings, take, desk) for platform in platforms]
        for door in doors:
            stack.callback(door.stop)
            door.start()
        yield lambda app: reduce(lambda inner, door: door.wrap(inner), doors, app)


def _slack(settings: Settings, take: Callable[[Inbound], Taken], _: Desk) -> Door:
    from bots.slack.door import SlackDoor

    return SlackDoor(settings, take)


def _discord(settings: Settings, take: Callable[[Inbound], Taken], desk: Desk) -> Door:
    from bots.discord.door import DiscordDoor

    return DiscordDoor(settings, take, desk)


_DOORS: dict[str, Callable[[Settings, Callable[[Inbound], Taken], Desk], Door]] = {"slack": _slack, "discord": _discord}
