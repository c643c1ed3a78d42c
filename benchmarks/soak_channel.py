"""The world outside of the soak: an HTTP server in a process of its own that counts every message by its key.

It never refuses one that it has seen: a message that comes twice is counted twice. Now and then, by its seed, it takes
a message and hangs up without an answer, or answers late, as real services do.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from tieout.errors import ProviderUnavailable

_TIMEOUT_S = 10.0


class World:
    """What arrived."""

    def __init__(self, seed: int) -> None:
        self.counts: Counter[str] = Counter()
        self.lock = threading.Lock()
        self.random = random.Random(seed)

    def take(self, key: str) -> tuple[int, float]:
        """Count a message; return how often its key came, and a number from 0 to 1 that decides about the answer."""
        with self.lock:
            self.counts[key] += 1
            return self.counts[key], self.random.random()


class Handler(BaseHTTPRequestHandler):
    """POST /messages/KEY takes a message, GET /messages/KEY looks one up, GET /messages tells all counts."""

    world: World

    def do_POST(self) -> None:
        """Take a message."""
        self.rfile.read(int(self.headers["Content-Length"]))
        count, luck = self.world.take(self._key())
        if luck < 0.02:
            return  # taken, and not a word
        if luck < 0.07:
            time.sleep(luck)
        self._answer(200, {"id": self._key(), "count": count})

    def do_GET(self) -> None:
        """Tell what arrived."""
        with self.world.lock:
            counts = dict(self.world.counts)
        if self.path == "/messages":
            self._answer(200, counts)
        elif (count := counts.get(self._key(), 0)) > 0:
            self._answer(200, {"id": self._key(), "count": count})
        else:
            self._answer(404, {})

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


class Server(ThreadingHTTPServer):
    """Takes it calmly that its callers are killed while they listen."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a connection that broke."""


class HttpChannel:
    """The `Channel` that workers send through: it can tell later whether a message arrived."""

    name = "world"

    def __init__(self, url: str) -> None:
        self._url = url

    def send(self, key: str, message: Mapping[str, Any]) -> Mapping[str, Any]:
        """Post the message. Raises ProviderUnavailable when no answer came: nobody knows whether it arrived."""
        status, receipt = self._call(key, json.dumps(dict(message)).encode())
        if status != 200:
            raise ProviderUnavailable(f"the world answered {status}")
        return receipt

    def look_up(self, key: str, message: Mapping[str, Any]) -> Mapping[str, Any] | None:  # noqa: ARG002
        """Return the receipt of what arrived under the key, None when nothing did."""
        status, receipt = self._call(key, None)
        return receipt if status == 200 else None

    def counts(self) -> Counter[str]:
        """Return how often each key arrived."""
        with urllib.request.urlopen(f"{self._url}/messages", timeout=_TIMEOUT_S) as answer:
            return Counter(json.load(answer))

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


def serve(seed: int) -> None:
    """Serve on a free port of the loopback, said on standard output, until standard input ends."""
    Handler.world = World(seed)
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
