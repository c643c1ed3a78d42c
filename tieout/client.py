"""The desk of a running service, over HTTP: the same use cases, so that a door is written once."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

import httpx

from tieout import codec, errors
from tieout.errors import InvalidInput, NotAvailable, TieoutError
from tieout.files import safe_name, write_atomically
from tieout.model import (
    Artifact,
    Document,
    Event,
    Hit,
    Instrument,
    Principal,
    Run,
    RunRequest,
    RunState,
    Series,
    SeriesKey,
    Step,
)
from tieout.ports import DEFAULT_OPTIONS, ImportOptions, ImportPreview, IngestOutcome

if TYPE_CHECKING:
    import pyarrow as pa

_RECONNECTS = 5  # in a row without any progress, before a follower gives up
_LONG_POLL_S = 20.0


class HttpDesk:
    """A `Desk` behind a service's URL. Close it, or use it as a context manager.

    Errors of the service come back as the same classes of tieout.errors; a service that does not answer
    raises NotAvailable.
    """

    def __init__(
        self, url: str, token: str, *, reports: Path = Path("reports"), transport: httpx.BaseTransport | None = None
    ) -> None:
        self.url = url
        self._reports = reports
        self._http = httpx.Client(
            base_url=url.rstrip("/") + "/api/v1/",
            headers={"Authorization": f"Bearer {token}"},
            timeout=httpx.Timeout(None, connect=5.0),
            trust_env=False,  # loopback never goes through a proxy
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    # ------------------------------------------------------------ runs

    def start_run(self, principal: Principal, request: RunRequest) -> Run:
        """Submit a run; a repeated idempotency key gives the first run."""
        body = codec.dump(request)
        key = body.pop("idempotency_key")
        headers = {"Idempotency-Key": key} if key else {}
        return codec.load(Run, self._json("POST", "runs", principal, json=body, headers=headers))

    def run(self, principal: Principal, run_id: str) -> Run:
        """Return a run by id or unique prefix."""
        return codec.load(Run, self._json("GET", f"runs/{_part(run_id)}", principal))

    def runs(self, principal: Principal, *, limit: int = 50, states: Sequence[RunState] = ()) -> list[Run]:
        """Return runs, newest first."""
        params = {"limit": limit, "state": [state.value for state in states]}
        return codec.load(list[Run], self._json("GET", "runs", principal, params=params))

    def steps(self, principal: Principal, run_id: str) -> list[Step]:
        """Return the run's steps in plan order."""
        return codec.load(list[Step], self._json("GET", f"runs/{_part(run_id)}/steps", principal))

    def events(self, principal: Principal, run_id: str, *, after: int = 0, limit: int = 1000) -> list[Event]:
        """Return events with seq > after, in order."""
        data = self._json(
            "GET",
            f"runs/{_part(run_id)}/events",
            principal,
            params={"after": after, "limit": limit},
            headers={"Accept": "application/json"},
        )
        return codec.load(list[Event], data)

    def follow(self, principal: Principal, run_id: str, *, after: int = 0) -> Iterator[Event]:
        """Yield each event once, in order, over a stream that is taken up again where it broke."""
        failures = 0
        while True:
            headers = _principal_headers(principal) | {"Last-Event-ID": str(after), "Accept": "text/event-stream"}
            try:
                timeout = httpx.Timeout(60.0, connect=5.0)  # heartbeats come more often
                path = f"runs/{_part(run_id)}/events"
                with self._http.stream("GET", path, headers=headers, timeout=timeout) as response:
                    if response.status_code == httpx.codes.NO_CONTENT:
                        return
                    _raise_problem(response)
                    for data in read_sse(response.iter_lines()):
                        event = codec.load(Event, json.loads(data))
                        if event.seq > after:
                            after, failures = event.seq, 0
                            yield event
            except httpx.HTTPError as error:
                failures += 1
                if failures > _RECONNECTS:
                    raise self._gone(error) from error
                time.sleep(0.1 * 2**failures)

    def wait(self, principal: Principal, run_id: str, *, timeout_s: float | None = None) -> Run:
        """Return the run when it is final, or as it stands after `timeout_s` seconds."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            left = _LONG_POLL_S if deadline is None else min(_LONG_POLL_S, deadline - time.monotonic())
            path = f"runs/{_part(run_id)}"
            run = codec.load(Run, self._json("GET", path, principal, params={"wait": max(0.0, left)}))
            if run.state.final or left <= 0:
                return run

    def cancel(self, principal: Principal, run_id: str) -> Run:
        """Cancel what has not finished."""
        return codec.load(Run, self._json("POST", f"runs/{_part(run_id)}/cancel", principal))

    def resume(self, principal: Principal, run_id: str) -> Run:
        """Make dead and stranded steps ready again."""
        return codec.load(Run, self._json("POST", f"runs/{_part(run_id)}/resume", principal))

    def result(self, principal: Principal, run_id: str) -> Mapping[str, Any]:
        """Return the research result as JSON values."""
        result: Mapping[str, Any] = self._json("GET", f"runs/{_part(run_id)}/result", principal)
        return result

    def artifacts(self, principal: Principal, run_id: str) -> list[Artifact]:
        """Return the run's artifacts by name."""
        return codec.load(list[Artifact], self._json("GET", f"runs/{_part(run_id)}/artifacts", principal))

    def artifact_bytes(self, principal: Principal, run_id: str, name: str) -> bytes:
        """Return an artifact's bytes."""
        return self._send("GET", f"runs/{_part(run_id)}/artifacts/{_part(name)}", principal).content

    def export_artifacts(self, principal: Principal, run_id: str, folder: Path | None = None) -> list[Path]:
        """Write the run's artifacts into a folder of this machine, each atomically."""
        run = self.run(principal, run_id)
        folder = folder or self._reports / run.id
        written = []
        for artifact in self.artifacts(principal, run.id):
            path = folder / safe_name(artifact.name)
            write_atomically(path, self.artifact_bytes(principal, run.id, artifact.name))
            written.append(path)
        return written

    # ------------------------------------------------------------ documents

    def ingest(
        self,
        principal: Principal,
        paths: Sequence[Path],
        *,
        progress: Callable[[IngestOutcome, int, int], None] | None = None,
    ) -> list[IngestOutcome]:
        """Have the service read files and folders of this machine into its library."""
        outcomes: list[IngestOutcome] = []
        with self._stream("POST", "documents", principal, json={"paths": _absolute(paths)}) as lines:
            for line in lines:
                message = json.loads(line)
                if "error" in message:
                    raise problem_error(message["error"])
                if "outcomes" in message:
                    outcomes = codec.load(list[IngestOutcome], message["outcomes"])
                elif progress is not None:
                    progress(codec.load(IngestOutcome, message["outcome"]), message["done"], message["total"])
        return outcomes

    def documents(self, principal: Principal) -> list[Document]:
        """Return all documents by name."""
        return codec.load(list[Document], self._json("GET", "documents", principal))

    def remove_document(self, principal: Principal, reference: str) -> Document:
        """Remove a document by id, name or title."""
        data = self._json("DELETE", "documents", principal, params={"reference": reference})
        return codec.load(Document, data)

    def reindex(self, principal: Principal) -> int:
        """Rebuild all vectors; return the number of chunks."""
        return int(self._json("POST", "reindex", principal)["chunks"])

    def search(self, principal: Principal, query: str, *, limit: int = 10, document: str | None = None) -> list[Hit]:
        """Return spans best first, of one document when named."""
        body = {"query": query, "limit": limit, "document": document}
        return codec.load(list[Hit], self._json("POST", "search", principal, json=body))

    def check(
        self, principal: Principal, text: str, *, documents: Sequence[Path] = (), tickers: Sequence[str] = ()
    ) -> Mapping[str, Any]:
        """Tie out a text that somebody else wrote."""
        body = {"text": text, "documents": _absolute(documents), "tickers": list(tickers)}
        checked: Mapping[str, Any] = self._json("POST", "check", principal, json=body)
        return checked

    # ------------------------------------------------------------ market

    def preview_bars(self, principal: Principal, path: Path, options: ImportOptions = DEFAULT_OPTIONS) -> ImportPreview:
        """Say what an import would do; writes nothing."""
        body = {"path": _absolute([path])[0], "options": codec.dump(options)}
        return codec.load(ImportPreview, self._json("POST", "market/preview", principal, json=body))

    def import_bars(self, principal: Principal, path: Path, options: ImportOptions = DEFAULT_OPTIONS) -> ImportPreview:
        """Import a price file of this machine whole or not at all."""
        body = {"path": _absolute([path])[0], "options": codec.dump(options)}
        return codec.load(ImportPreview, self._json("POST", "market/import", principal, json=body))

    def series(self, principal: Principal, ticker: str | None = None) -> list[Series]:
        """Return the price contracts."""
        params = {"ticker": ticker} if ticker else {}
        return codec.load(list[Series], self._json("GET", "market/series", principal, params=params))

    def bars(
        self,
        principal: Principal,
        key: SeriesKey,
        *,
        start: date | None = None,
        end: date | None = None,
        as_of: date | None = None,
    ) -> pa.Table:
        """Return day, open, high, low, close, volume of one series, ordered by day."""
        import pyarrow.ipc

        limits = {"start": start, "end": end, "as_of": as_of}
        params = codec.dump(key) | {name: day.isoformat() for name, day in limits.items() if day is not None}
        content = self._send("GET", "market/bars", principal, params=params).content
        return pyarrow.ipc.open_stream(content).read_all()

    def instrument(self, principal: Principal, reference: str) -> Instrument:
        """Return the instrument of a ticker, name or identifier."""
        data = self._json("GET", "instruments", principal, params={"reference": reference})
        return codec.load(Instrument, data)

    def doctor(self, principal: Principal) -> list[Mapping[str, Any]]:
        """Return the service's own findings about its parts."""
        checks: list[Mapping[str, Any]] = self._json("GET", "doctor", principal)
        return checks

    # ------------------------------------------------------------ transport

    def _send(self, method: str, path: str, principal: Principal, **options: Any) -> httpx.Response:
        try:
            response = self._http.request(method, path, **_prepared(principal, options))
        except httpx.HTTPError as error:
            raise self._gone(error) from error
        except UnicodeEncodeError as error:
            raise InvalidInput(f"{error.object!r} holds bytes that are not UTF-8 text; type it again.") from error
        _raise_problem(response)
        return response

    def _json(self, method: str, path: str, principal: Principal, **options: Any) -> Any:
        return self._send(method, path, principal, **options).json()

    @contextmanager
    def _stream(self, method: str, path: str, principal: Principal, **options: Any) -> Iterator[Iterator[str]]:
        try:
            with self._http.stream(method, path, **_prepared(principal, options)) as response:
                _raise_problem(response)
                yield response.iter_lines()
        except httpx.HTTPError as error:
            raise self._gone(error) from error

    def _gone(self, error: httpx.HTTPError) -> NotAvailable:
        return NotAvailable(
            f"The service at {self.url} does not answer ({type(error).__name__}). "
            "If `tieout up` has stopped, run the command again; it then opens the data folder itself.",
        )


def read_sse(lines: Iterable[str]) -> Iterator[str]:
    """Yield the data of each complete server-sent event; comments and a torn last event are dropped."""
    data: list[str] = []
    for line in lines:
        if line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
        elif not line and data:
            yield "\n".join(data)
            data = []


def problem_error(problem: Mapping[str, Any]) -> TieoutError:
    """Return the error of our tree that a problem-details object stands for."""
    kind = getattr(errors, str(problem.get("kind", "")), TieoutError)
    known = kind if isinstance(kind, type) and issubclass(kind, TieoutError) else TieoutError
    details = problem.get("details")
    error = known(str(problem.get("detail") or problem.get("title") or "The service failed without saying why."))
    error.details = dict(details) if isinstance(details, Mapping) else {}
    return error


def _raise_problem(response: httpx.Response) -> None:
    if response.is_success:
        return
    response.read()
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    if not isinstance(problem, Mapping) or "detail" not in problem:
        problem = {"detail": f"The service answered {response.status_code} {response.reason_phrase}."}
    raise problem_error(problem)


def _prepared(principal: Principal, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request's options with the principal's headers and the body as JSON in ASCII.

    A file name that is not UTF-8 holds lone surrogates, which only an escape can carry.
    """
    prepared = dict(options)
    headers = _principal_headers(principal) | prepared.pop("headers", {})
    if "json" in prepared:
        headers["Content-Type"] = "application/json"
        prepared["content"] = json.dumps(prepared.pop("json"), allow_nan=False)
    return prepared | {"headers": headers}


def _principal_headers(principal: Principal) -> dict[str, str]:
    return {
        "Tieout-Principal": quote(principal.id, errors="replace"),  # a header is ASCII
        "Tieout-Workspace": quote(principal.workspace),
        "Tieout-Role": principal.role.value,
    }


def _absolute(paths: Sequence[Path]) -> list[str]:
    return [str(Path(path).expanduser().absolute()) for path in paths]


def _part(text: str) -> str:
    """Return the text as one segment of a URL's path."""
    return quote(text, safe="", errors="replace") or "-"
