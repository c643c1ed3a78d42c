"""The test stand: a local Discord, against which the real client runs over real sockets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from mimetypes import guess_type
from types import TracebackType
from typing import Self

from aiohttp import web

from bots.testing.discord import shapes
from bots.testing.discord.errors import Trouble, Troubles
from bots.testing.discord.gateway import Gateway
from bots.testing.discord.interactions import Interactions, Modal, in_guild
from bots.testing.discord.page import Page
from bots.testing.discord.rates import RateLimiter
from bots.testing.discord.rest import Request, Rest
from bots.testing.discord.shapes import Json
from bots.testing.discord.world import World, new_token
from bots.testing.server import Server


class DiscordStand:
    """A server `Desk` with two people, `ada` and `ben`, and the channels `general`, `desk`, and `vault`, which the bot
    and Ben do not see.

    Enter it to start serving on 127.0.0.1. Every method may be called from any thread but the stand's own. People's
    methods raise LookupError for what is not there.
    """

    def __init__(self, *, limits: bool = True, heartbeat_ms: int = 41_250) -> None:
        """Set up a server, not yet serving. `limits`: HTTP 429 as Discord's."""
        self.world = World()
        self.acks: list[tuple[str, float]] = []  # (kind of interaction, seconds until it was acknowledged)
        self._gateway = Gateway(self.world, heartbeat_ms=heartbeat_ms)
        self._interactions = Interactions(self.world, self._gateway, self.acks)
        self._troubles = Troubles()
        self._rest = Rest(self.world, self._gateway, self._interactions, RateLimiter(on=limits), self._troubles)
        acts = self._interactions
        self.click, self.command, self.pick, self.submit = acts.click, acts.command, acts.pick, acts.submit
        self.type_in = acts.type_in
        actions: dict[str, Callable[..., object]] = {
            "say": self.say,
            "edit": self.edit,
            "delete": self.delete,
            "click": self.click,
            "submit_view": lambda user, view_id, values: self.submit(user, view_id, **values),
        }
        self._page = Page(self.world, acts.modals, actions)
        self._server = Server(self._routes(), self._gateway.drop)

    def __enter__(self) -> Self:
        self.world.base_url = self._server.start()
        self._gateway.loop = self._server.loop
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.stop()

    # ------------------------------------------------------------ what it is like

    @property
    def api_url(self) -> str:
        """Return the API's address, without a slash at the end."""
        return f"{self.world.base_url}/api/v10"

    @property
    def bot_token(self) -> str:
        """Return the bot's token."""
        return self.world.token

    @property
    def bot(self) -> str:
        """Return the bot's id."""
        return str(self.world.bot["id"])

    @property
    def connections(self) -> int:
        """Return how many sockets take events."""
        return self._gateway.count()

    @property
    def identified(self) -> int:
        """Return how many sessions there have been."""
        return self._gateway.identified

    @property
    def resumed(self) -> int:
        """Return how often a session was taken up again."""
        return self._gateway.resumed

    @property
    def beats(self) -> int:
        """Return how many heartbeats have come."""
        return self._gateway.beats

    @property
    def requests(self) -> list[Request]:
        """Return the calls of the API so far."""
        with self.world.lock:
            return list(self._rest.requests)

    @property
    def modals(self) -> list[Modal]:
        """Return the windows so far."""
        with self.world.lock:
            return list(self._interactions.modals.values())

    def choices(self, interaction: str) -> list[Json] | None:
        """Return what was suggested to who typed; None as long as nothing was."""
        return self._interactions.choices.get(interaction)

    def acknowledged(self, interaction: str) -> bool:
        """Return whether an interaction was acknowledged."""
        return self._interactions.all[interaction].answered is not None

    def user(self, name: str) -> str:
        """Return the id of the user of this name."""
        return next(str(one["id"]) for one in self.world.users.values() if one["username"] == name)

    def channel(self, name: str) -> str:
        """Return the id of the channel of this name."""
        with self.world.lock:
            return next(id for id, one in self.world.channels.items() if one.about["name"] == name)

    def direct(self, user: str) -> str:
        """Return the id of the direct messages between this user and the bot."""
        return str(self.world.direct(user).about["id"])

    def add_channel(self, name: str, *, private: bool = False) -> str:
        """Add a channel and return the id; who is connected is told."""
        about = self.world.add_channel(name, private=private).about
        self._gateway.emit("CHANNEL_CREATE", about)
        return str(about["id"])

    def messages(self, channel: str) -> list[Json]:
        """Return copies of what stands in a channel or thread, oldest first; nothing where there is none."""
        with self.world.lock:
            where = self.world.channels.get(channel)
            return deepcopy(list(where.messages.values())) if where else []

    def ephemerals(self, channel: str, user: str) -> list[Json]:
        """Return copies of what a person alone was shown in a channel."""
        with self.world.lock:
            return deepcopy([one for one in self.world.channels[channel].ephemerals if one["ephemeral_to"] == user])

    def file(self, attachment: Json) -> bytes:
        """Return a file's bytes."""
        return self.world.files[attachment["id"]].content

    def page_state(self) -> Json:
        """Return the world as JSON."""
        return self._page.state()

    def wait_for[T](self, predicate: Callable[[], T], timeout_s: float = 10.0) -> T:
        """Return the predicate's first true value, tried at every change; raises TimeoutError."""
        return self.world.wait_for(predicate, timeout_s)

    # ------------------------------------------------------------ people

    def say(
        self,
        user: str,
        channel: str,
        text: str,
        thread: str | None = None,
        files: Sequence[tuple[str, bytes]] = (),
        mention: bool = False,
    ) -> str:
        """Write something in a channel, or in a thread of it, and return the message's id."""
        world = self.world
        with world.changing():
            where = world.channels[thread or channel]
            if not world.sees(user, where):
                raise LookupError(f"{user} does not see {channel}")
            kept = [(name, guess_type(name)[0] or "application/octet-stream", content) for name, content in files]
            more: Json = {"attachments": world.keep_files(where.about["id"], kept)}
            if mention:
                text, more["mentions"] = f"<@{self.bot}> {text}", [world.bot]
            said = shapes.message(world.snowflake(), where.about["id"], world.users[user], text, **more)
            where.messages[said["id"]] = said
        self._gateway.emit("MESSAGE_CREATE", in_guild(world, said))
        return str(said["id"])

    def edit(self, user: str, channel: str, message: str, text: str) -> None:
        """Change one's own message."""
        said = self._own(user, channel, message)
        with self.world.changing():
            said |= {"content": text, "edited_timestamp": shapes.now()}
        self._gateway.emit("MESSAGE_UPDATE", in_guild(self.world, said))

    def delete(self, user: str, channel: str, message: str) -> None:
        """Remove one's own message."""
        self._own(user, channel, message)
        self._rest.remove(self.world.channels[channel], message)

    def _own(self, user: str, channel: str, message: str) -> Json:
        said = self.world.channels[channel].messages.get(message)
        if said is None or said["author"]["id"] != user:
            raise LookupError(f"No message {message} of {user} in {channel}")
        return said

    # ------------------------------------------------------------ what goes wrong

    def trouble(self, call: str, trouble: Trouble, times: int = 1) -> None:
        """Let the next calls go wrong; `call` is a method and the end of a path (`POST messages`)."""
        self._troubles.order(call, trouble, times)

    def revoke_token(self) -> None:
        """Make the bot's token void and end its sessions."""
        with self.world.changing():
            self.world.token = new_token()
        self._gateway.forget()
        self._server.call(self._gateway.drop())

    def expire_tokens(self) -> None:
        """Let the quarter of an hour of all interactions be over."""
        self._interactions.expire()

    def switch_off_content(self) -> None:
        """Switch the message-content intent off in the portal: who asks for it is refused."""
        self.world.intent = False

    def redeliver(self, most: int = 100) -> int:
        """Send the newest events of messages and interactions again, as after a reconnection; return how many."""
        return self._gateway.again(most)

    def drop_sockets(self) -> None:
        """Break all sockets off without a word; their sessions may be resumed."""
        self._server.call(self._gateway.drop())

    def ask_to_reconnect(self) -> None:
        """Ask all clients to connect anew and resume (op 7)."""
        self._server.call(self._gateway.ask_to_reconnect())

    def forget_sessions(self) -> None:
        """Let no session be resumed (op 9)."""
        self._gateway.forget()

    def _routes(self) -> list[web.RouteDef]:
        return [
            web.get("/gateway", self._gateway.serve),
            web.route("*", "/api/v10/{path:.*}", self._rest.serve),
            web.get("/attachments/{channel}/{id}/{name}", self._download),
            *self._page.routes(),
        ]

    async def _download(self, request: web.Request) -> web.Response:
        file = self.world.files.get(request.match_info["id"])
        if file is None or file.name != request.match_info["name"]:
            return web.Response(status=404)
        return web.Response(body=file.content, content_type=file.media_type)
