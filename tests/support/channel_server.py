"""The world outside, as a real HTTP server in a process of its own: it counts every message that it is sent, by key.

It takes a message as often as it comes, so that one that is sent twice is counted twice. Rules make it behave as real
services do: answer late, take a message and die before it answers, lose one, refuse one, be unable to tell later.

    with ChannelServer() as world:
        world.rule("left", "hang_up", look_up="cannot")     # messages whose key contains "left"
        HttpChannel(world.url).send("run/left/message", {})
        assert world.counts() == {"run/left/message": 1}
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from tieout.errors import OutcomeUnknown, ProviderRefused, ProviderUnavailable

_TIMEOUT_S = 10.0
_LATE_S = 1.0
MOODS = ("take", "late", "hang_up", "lose", "refuse")
LOOK_UPS = ("tell", "cannot", "away")


@dataclass
class World:
    """What arrived, and how to behave. With a `seed`, one message in fifty is taken without an answer."""

    seed: int | None = None
    counts: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    tries: Counter[str] = field(default_factory=Counter)
    rules: list[dict[str, Any]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def take(self, key: str) -> str:
        """Note a try, count the message if it arrives, and return the mood that decides about the answer."""
        with self.lock:
            self.tries[key] += 1
            mood = self._mood(key)
            if mood == "refuse":
                self.refused[key] += 1
            elif mood != "lose":
                self.counts[key] += 1
            return mood

    def look_up(self, key: str) -> str:
        """Return how a look-up of the key is answered."""
        with self.lock:
            return next((str(rule["look_up"]) for rule in self.rules if rule["part"] in key), "tell")

    def _mood(self, key: str) -> str:
        moods = next((rule["moods"] for rule in self.rules if rule["part"] in key and rule["moods"]), None)
        if moods is not None:
            return str(moods.pop(0)) if len(moods) > 1 else str(moods[0])
        luck = self.random.random() if self.seed is not None else 1.0
        return "hang_up" if luck < 0.02 else "late" if luck < 0.04 else "take"


class _Handler(BaseHTTPRequestHandler):
    """POST /messages/KEY takes a message, GET /messages/KEY looks one up, GET /messages tells all counts."""

    world: World

    def do_POST(self) -> None:
        """Take a message or a rule."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/rules":
            with self.world.lock:
                self.world.rules.insert(0, json.loads(body))
            return self._answer(200, {})
        mood = self.world.take(self._key())
        if mood in ("hang_up", "lose"):
            return None  # not a word
        if mood == "refuse":
            return self._answer(422, {"error": "not this"})
        if mood == "late":
            time.sleep(_LATE_S)
        return self._answer(200, {"id": self._key()})

    def do_GET(self) -> None:
        """Tell what arrived."""
        with self.world.lock:
            counts, tries = dict(self.world.counts), dict(self.world.tries)
        if self.path == "/messages":
            return self._answer(200, counts)
        if self.path == "/tries":
            return self._answer(200, tries)
        how = self.world.look_up(self._key())
        if how == "cannot":
            return self._answer(501, {})
        if how == "away":
            return self._answer(503, {})
        return self._answer(200, {"id": self._key()}) if counts.get(self._key()) else self._answer(404, {})

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def _key(self) -> str:
        return urllib.parse.unquote(self.path.removeprefix("/messages/"))

    def _answer(self, status: int, body: Mapping[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class _Server(ThreadingHTTPServer):
    """Takes it calmly that its callers are killed while they listen."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a connection that broke."""


class ChannelServer:
    """The server's process; a context manager."""

    def __init__(self, *, seed: int | None = None) -> None:
        self._arguments = [] if seed is None else [str(seed)]
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def __enter__(self) -> Self:
        command = [sys.executable, __file__, *self._arguments]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{self._process.stdout.readline().strip()}"
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.communicate()

    def rule(self, part: str, *moods: str, look_up: str = "tell") -> None:
        """Behave so about keys that contain `part`: each try takes the next mood, the last one serves all that follow.

        The newest rule that fits counts. Without moods, messages are taken as ever and only look-ups go by the rule.
        """
        assert set(moods) <= set(MOODS), moods
        assert look_up in LOOK_UPS, look_up
        rule = {"part": part, "moods": list(moods), "look_up": look_up}
        request = urllib.request.Request(f"{self.url}/rules", json.dumps(rule).encode())
        urllib.request.urlopen(request, timeout=_TIMEOUT_S).close()

    def counts(self) -> Counter[str]:
        """Return how often each key arrived."""
        return self._told("/messages")

    def tries(self) -> Counter[str]:
        """Return how often each key was sent, those refused or lost on the way included."""
        return self._told("/tries")

    def _told(self, path: str) -> Counter[str]:
        with urllib.request.urlopen(f"{self.url}{path}", timeout=_TIMEOUT_S) as answer:
            return Counter(json.load(answer))


class HttpChannel:
    """The `Channel` that sends to the server."""

    def __init__(self, url: str, *, name: str = "world") -> None:
        self._url = url
        self.name = name

    def send(self, key: str, message: Mapping[str, Any]) -> Mapping[str, Any]:
        """Post the message. Raises ProviderRefused, ProviderUnavailable (nobody knows whether it arrived)."""
        status, receipt = self._call(key, json.dumps(dict(message)).encode())
        if 400 <= status < 500:
            raise ProviderRefused(f"the world refused the message ({status})")
        if status != 200:
            raise ProviderUnavailable(f"the world answered {status}")
        return receipt

    def look_up(self, key: str, message: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return the receipt of what arrived, None when nothing did. Raises OutcomeUnknown, ProviderUnavailable."""
        status, receipt = self._call(key, None)
        if status == 501:
            raise OutcomeUnknown("the world keeps no record")
        if status not in (200, 404):
            raise ProviderUnavailable(f"the world answered {status}")
        return receipt if status == 200 else None

    def _call(self, key: str, data: bytes | None) -> tuple[int, Mapping[str, Any]]:
        url = f"{self._url}/messages/{urllib.parse.quote(key, safe='')}"
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data), timeout=_TIMEOUT_S) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code, {}
        except (OSError, ValueError) as error:
            raise ProviderUnavailable(f"the world does not answer: {error}") from error


def serve(seed: int | None) -> None:
    """Serve on a free port of the loopback, said on standard output, until standard input ends."""
    _Handler.world = World(seed)
    server = _Server(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    serve(int(sys.argv[1]) if sys.argv[1:] else None)
