"""A local server that speaks the OpenAI chat completions protocol over real HTTP and misbehaves on demand.

    with FakeOpenAI(fails(429, retry_after=2), says("Revenue grew.")) as server:
        OpenAICompatible(server.url, "test-model").complete(...)
        assert len(server.requests) == 2

Each request takes the next reply; the last one answers all that follow.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

USAGE = {"prompt_tokens": 120, "completion_tokens": 30, "total_tokens": 150}


@dataclass(frozen=True)
class Request:
    """What the server was sent; header names are lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]


Reply = Callable[["Exchange"], None]


class Exchange(BaseHTTPRequestHandler):
    """One request and the means to answer it."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self._serve(body)

    def do_GET(self) -> None:
        self._serve({})

    def _serve(self, body: dict[str, Any]) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.request_seen = Request(self.command, self.path, headers, body)
        reply = self.server.owner.next_reply(self.request_seen)
        try:
            reply(self)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing on standard error."""

    def send_json(self, status: int, body: object, headers: Mapping[str, str] | None = None) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def begin_stream(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()

    def send_raw(self, text: str) -> None:
        data = text.encode()
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def send_event(self, delta: Mapping[str, Any] | None, finish: str | None = None, **more: Any) -> None:
        choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
        chunk = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "served-model"}
        self.send_raw(f"data: {json.dumps(chunk | {'choices': choices} | more)}\n\n")

    def end_stream(self, *, done: bool = True) -> None:
        if done:
            self.send_raw("data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def cut(self) -> None:
        """Close the connection in the middle of the body."""
        self.close_connection = True

    def hang(self) -> None:
        """Keep the connection open and say nothing until the server is closed."""
        self.server.owner.closing.wait(30)
        self.close_connection = True


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    owner: FakeOpenAI


class FakeOpenAI:
    """The server; a context manager."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.requests: list[Request] = []
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), Exchange)
        self._server.owner = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def next_reply(self, request: Request) -> Reply:
        with self._lock:
            self.requests.append(request)
            return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    def prompts(self) -> list[str]:
        """Return each request's messages as one text."""
        return ["\n".join(message["content"] for message in request.body["messages"]) for request in self.requests]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


# ---------------------------------------------------------------- replies


def says(text: str, *, usage: bool = True, finish: str = "stop", piece: int = 7) -> Reply:
    """Stream the text in small pieces."""

    def reply(exchange: Exchange) -> None:
        exchange.begin_stream()
        exchange.send_event({"role": "assistant", "content": ""})
        for start in range(0, len(text), piece):
            exchange.send_event({"content": text[start : start + piece]})
        exchange.send_event({}, finish)
        if usage and exchange.request_seen.body.get("stream_options"):
            exchange.send_event(None, usage=USAGE)
        exchange.end_stream()

    return reply


def says_whole(text: str) -> Reply:
    """Ignore that a stream was asked for, as some servers do."""
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return lambda exchange: exchange.send_json(200, {"model": "served-model", "choices": [choice], "usage": USAGE})


def fails(
    status: int,
    message: str = "no",
    *,
    retry_after: str | None = None,
    code: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Answer with an error status."""
    more = dict(headers or {})
    if retry_after is not None:
        more["retry-after"] = retry_after
    return lambda exchange: exchange.send_json(status, {"error": {"message": message, "code": code}}, more)


def cuts(text: str) -> Reply:
    """Stream the text, then close the connection in the middle of the body."""

    def reply(exchange: Exchange) -> None:
        exchange.begin_stream()
        exchange.send_event({"content": text})
        exchange.cut()

    return reply


def ends_early(text: str) -> Reply:
    """Stream the text and end the body in good form, but with no finish_reason."""

    def reply(exchange: Exchange) -> None:
        exchange.begin_stream()
        exchange.send_event({"content": text})
        exchange.end_stream(done=False)

    return reply


def stalls(text: str = "") -> Reply:
    """Stream the text and then nothing more."""

    def reply(exchange: Exchange) -> None:
        exchange.begin_stream()
        if text:
            exchange.send_event({"content": text})
        exchange.hang()

    return reply


def drips() -> Reply:
    """Keep the stream alive with comments for ever, and never say anything."""

    def reply(exchange: Exchange) -> None:
        exchange.begin_stream()
        while not exchange.server.owner.closing.wait(0.02):
            exchange.send_raw(": still here\n\n")

    return reply


def refuses(reason: str = "I can't help with that.") -> Reply:
    """Decline by the protocol's own field."""

    def reply(exchange: Exchange) -> None:
        exchange.begin_stream()
        exchange.send_event({"refusal": reason})
        exchange.send_event({}, "stop")
        exchange.end_stream()

    return reply


def sends_garbage() -> Reply:
    """Stream an event that is not JSON."""

    def reply(exchange: Exchange) -> None:
        exchange.begin_stream()
        exchange.send_raw('data: {"choices": [{"delta"\n\n')
        exchange.end_stream()

    return reply


def breaks_off(message: str) -> Reply:
    """Send an error event inside the stream."""

    def reply(exchange: Exchange) -> None:
        exchange.begin_stream()
        exchange.send_event({"content": "Reve"})
        exchange.send_raw(f"data: {json.dumps({'error': {'message': message, 'type': 'server_error'}})}\n\n")
        exchange.end_stream()

    return reply


def redirects(url: str) -> Reply:
    """Point to another address."""
    return lambda exchange: exchange.send_json(307, {}, {"location": url})


def lists_models(*names: str) -> Reply:
    """Answer GET /models."""
    models = [{"id": name, "object": "model", "created": 1, "owned_by": "test"} for name in names]
    return lambda exchange: exchange.send_json(200, {"object": "list", "data": models})
