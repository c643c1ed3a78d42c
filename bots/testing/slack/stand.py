"""The test stand: a local Slack, against which the real clients run over real sockets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from aiohttp import web

from bots.testing.server import Server
from bots.testing.slack.addresses import Addresses
from bots.testing.slack.courier import Courier
from bots.testing.slack.endpoint import Endpoint
from bots.testing.slack.events import Events
from bots.testing.slack.hooks import Hooks
from bots.testing.slack.identity import Identity, Json
from bots.testing.slack.interactions import Interactions
from bots.testing.slack.journal import Ack, Attempt, Journal, Request
from bots.testing.slack.messages import Message
from bots.testing.slack.methods.method import Context
from bots.testing.slack.methods.table import SCOPES
from bots.testing.slack.page import Page
from bots.testing.slack.parcels import ParcelKind
from bots.testing.slack.people import ChannelKind
from bots.testing.slack.rates import RATES, Rate, RateLimiter
from bots.testing.slack.signed import SignedHttp, encode
from bots.testing.slack.sockets import Sockets
from bots.testing.slack.speech import Speech
from bots.testing.slack.troubles import Trouble, Troubles
from bots.testing.slack.views import View, Views
from bots.testing.slack.world import World
from bots.testing.slack.writer import Writer


class SlackStand:
    """A team with two people, `ada` and `ben`, and the channels `general` and `desk` (private), both with the bot,
    `lobby` (public) and `vault` (private), both without it.

    Enter it to start serving on 127.0.0.1. Every method may be called from any thread, also on the stand's own loop
    except for `send_signed` and `verify_url`. People's methods raise LookupError for what is not there.
    """

    def __init__(
        self,
        *,
        limits: bool = True,
        rates: Mapping[str, Rate] = RATES,
        redeliver_after_s: float = 1.0,
        redeliveries: int = 3,
        ack_within_s: float = 3.0,
        page_cap: int = 1000,
    ) -> None:
        """Set up a team, not yet serving.

        `limits`: HTTP 429 as by `rates`. Events unacknowledged for `redeliver_after_s` are sent again, so many times as
        `redeliveries` says. Clicks, commands, and everything over HTTP must be acknowledged within `ack_within_s`.
        `page_cap`: the most objects in one page of a history.
        """
        self._ack_within_s = ack_within_s
        self.identity = Identity()
        self.world = World(self.identity)
        self._journal = Journal(self.world)
        self._sockets = Sockets(self.world, self._journal, redeliver_after_s, ack_within_s)
        self._courier = Courier(self._journal, self._sockets, redeliver_after_s, redeliveries)
        self._events = Events(self.world, self._courier)
        writer = Writer(self.world, self._events)
        self._hooks = Hooks(self.world, writer)
        self._addresses = Addresses(self.world, self._hooks)
        self._views = Views(self.world)
        self._troubles = Troubles()
        context = Context(self.world, writer, self._views, self._sockets, page_cap)
        self._endpoint = Endpoint(
            context, self._journal, RateLimiter(rates if limits else {}), self._troubles, set(SCOPES)
        )
        self._people(writer)
        self._http: SignedHttp | None = None
        self._server = Server(self._routes(), self._close)

    def _people(self, writer: Writer) -> None:
        """Give the stand its verbs: what people write and do."""
        speech = Speech(self.world, writer)
        interactions = Interactions(self.world, self._journal, self._courier, self._hooks, self._views)
        self.say, self.edit, self.delete = speech.say, speech.edit, speech.delete
        self.click, self.slash = interactions.click, interactions.slash
        self.shortcut, self.submit_view = interactions.shortcut, interactions.submit_view
        names = ("say", "edit", "delete", "click", "slash", "submit_view")
        self._page = Page(self.world, self._views, {name: getattr(self, name) for name in names})

    def __enter__(self) -> Self:
        self.world.base_url = self._server.start()
        self._courier.start(self._server.loop)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.stop()

    @property
    def api_url(self) -> str:
        """Return the Web API's address, without a slash at the end."""
        return f"{self.world.base_url}/api"

    @property
    def bot_token(self) -> str:
        """Return the token for the Web API."""
        return self.identity.bot_token

    @property
    def app_token(self) -> str:
        """Return the token for Socket Mode."""
        return self.identity.app_token

    @property
    def scopes(self) -> frozenset[str]:
        """Return the scopes of the bot's token."""
        return frozenset(self._endpoint.scopes)

    @property
    def acks(self) -> list[Ack]:
        """Return (envelope's kind, seconds from delivery to acknowledgement), in the order of arrival."""
        return self._journal.acks()

    @property
    def requests(self) -> list[Request]:
        """Return the calls of the Web API so far."""
        return self._journal.requests()

    @property
    def attempts(self) -> list[Attempt]:
        """Return the sendings to the app that are over, acknowledged or not."""
        return self._journal.attempts()

    @property
    def lost(self) -> list[Json]:
        """Return payloads that were never acknowledged and are not sent again."""
        return self._journal.lost()

    @property
    def events(self) -> list[Json]:
        """Return the payloads of all events so far, in the order of sending, without redeliveries."""
        return self._events.sent()

    @property
    def downloads(self) -> list[str]:
        """Return the names of the files that the app has fetched."""
        return list(self._addresses.downloads)

    @property
    def connections(self) -> int:
        """Return how many sockets take envelopes."""
        return self._sockets.count()

    @property
    def views(self) -> list[View]:
        """Return the modals so far."""
        with self.world.lock:
            return list(self._views.views.values())

    def user(self, name: str) -> str:
        """Return the id of the user of this name."""
        with self.world.lock:
            return next(user.id for user in self.world.users.values() if user.name == name)

    def channel(self, name: str) -> str:
        """Return the id of the channel of this name."""
        with self.world.lock:
            return next(channel.id for channel in self.world.channels.values() if channel.name == name)

    def direct(self, user: str) -> str:
        """Return the id of the conversation between this user and the bot."""
        return self.world.direct_channel(user).id

    def add_user(self, name: str, *, is_bot: bool = False) -> str:
        """Add a user and return the id."""
        return self.world.add_user(name, is_bot=is_bot).id

    def add_channel(self, name: str, *members: str, private: bool = False, with_bot: bool = True) -> str:
        """Add a channel with these users and return the id."""
        bots = [self.identity.bot_user] if with_bot else []
        kind = ChannelKind.PRIVATE if private else ChannelKind.PUBLIC
        return self.world.add_channel(name, kind, [*bots, *members]).id

    def messages(self, channel: str, thread: str | None = None) -> list[Message]:
        """Return copies of what stands in a channel, oldest first, or in a thread with its parent."""
        with self.world.lock:
            where = self.world.channels[channel]
            chosen = [m for m in where.messages.values() if thread is None or thread in (m.ts, m.thread)]
            return [message.snapshot() for message in chosen]

    def ephemerals(self, channel: str, user: str | None = None) -> list[Message]:
        """Return copies of what single persons were shown in a channel."""
        with self.world.lock:
            shown = self.world.channels[channel].ephemerals
            return [message.snapshot() for message in shown if user in (None, message.ephemeral_to)]

    def deleted(self, channel: str) -> list[Message]:
        """Return copies of what was removed from a channel."""
        with self.world.lock:
            return [message.snapshot() for message in self.world.channels[channel].deleted]

    def page_state(self) -> Json:
        """Return the world as JSON."""
        return self._page.state()

    def wait_for[T](self, predicate: Callable[[], T], timeout_s: float = 10.0) -> T:
        """Return the predicate's first true value, tried at every change; raises TimeoutError."""
        return self.world.wait_for(predicate, timeout_s)

    def redeliver(self, ts: str, *, new_event_id: bool = False) -> int:
        """Send the events about a message again, as if they had not been acknowledged; return how many."""
        return self._events.again(ts, new_event_id=new_event_id)

    def revoke_token(self) -> None:
        """Make the bot's token void: `token_revoked` from now on, and no events but the one that tells of it."""
        with self.world.changing():
            self.world.revoked = True
            self._events.revoked()

    def renew_token(self) -> None:
        """Install the app again: `bot_token` is another from now on."""
        with self.world.changing():
            self.identity.install_again()
            self.world.revoked = False

    def withdraw_scope(self, scope: str) -> None:
        """Take a scope from the bot's token: `missing_scope` for methods that need it."""
        self._endpoint.scopes.discard(scope)

    def response_url(self, user: str, channel: str) -> str:
        """Return a new response URL, as an interaction of this user would carry it."""
        return self._hooks.create(channel, user)

    def trigger_id(self, user: str) -> str:
        """Return a new trigger, as an interaction of this user would carry it."""
        return self._views.trigger(user)

    def expire_response_urls(self) -> None:
        """Let the thirty minutes of all response URLs be over."""
        self._hooks.expire()

    def trouble(self, method: str, trouble: Trouble, times: int = 1) -> None:
        """Let the next calls of a method go wrong."""
        self._troubles.order(method, trouble, times)

    def drop_sockets(self) -> None:
        """Break all sockets off without a word."""
        self._server.loop.call_soon_threadsafe(self._sockets.drop)

    def ask_sockets_to_leave(self, reason: str = "refresh_requested") -> None:
        """Send `disconnect` on all sockets, so that the app connects anew."""
        self._server.call(self._sockets.ask_to_leave(reason))

    def use_http(self, url: str, signing_secret: str) -> None:
        """Deliver to this URL from now on, instead of sockets."""
        self._http = SignedHttp(url, signing_secret, self._journal, self._ack_within_s)
        self._courier.transport = self._http

    def verify_url(self) -> bool:
        """Send the challenge with which Slack checks a new URL; return whether it came back."""
        challenge = self.identity.verification[::-1]
        payload = {"type": "url_verification", "token": self.identity.verification, "challenge": challenge}
        status, text = self.send_signed(payload)
        return status == 200 and challenge in text

    def send_signed(
        self, payload: Json, kind: ParcelKind = ParcelKind.EVENT, *, secret: str = "", age_s: float = 0.0
    ) -> tuple[int, str]:
        """Post a payload once, under another secret or an old time stamp if given; return status and body."""
        if self._http is None:
            raise RuntimeError("Call use_http first")
        body, media_type = encode(kind, payload)
        reply = self._server.call(self._http.post(body, media_type, {}, secret, age_s))
        return reply.status, reply.text

    def _routes(self) -> list[web.RouteDef]:
        return [
            web.post("/api/{method}", self._endpoint.serve),
            web.get("/api/{method}", self._endpoint.serve),
            web.get("/link/", self._sockets.serve),
            *self._addresses.routes(),
            *self._page.routes(),
        ]

    async def _close(self) -> None:
        await self._courier.close()
        self._sockets.drop()
