"""The use cases of runs over HTTP."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from tieout import codec
from tieout.client.http import HttpTransport, principal_headers, raise_problem, read_sse, segment
from tieout.files import safe_name, write_atomically
from tieout.model import Artifact, Event, Principal, Run, RunRequest, RunState, Step

_RECONNECTS = 5  # in a row without any progress, before a follower gives up
_LONG_POLL_S = 20.0


class HttpRuns(HttpTransport):
    """A `RunDesk` behind a service's URL."""

    def start_run(self, principal: Principal, request: RunRequest) -> Run:
        """Submit a run; a repeated idempotency key gives the first run."""
        body = codec.dump(request)
        key = body.pop("idempotency_key")
        del body["audience"]  # the service knows who asks, and who reads along
        headers = {"Idempotency-Key": key} if key else {}
        return codec.load(Run, self._json("POST", "runs", principal, json=body, headers=headers))

    def run(self, principal: Principal, run_id: str) -> Run:
        """Return a run by id or unique prefix."""
        return codec.load(Run, self._json("GET", f"runs/{segment(run_id)}", principal))

    def runs(self, principal: Principal, *, limit: int = 50, states: Sequence[RunState] = ()) -> list[Run]:
        """Return runs, newest first."""
        params = {"limit": limit, "state": [state.value for state in states]}
        return codec.load(list[Run], self._json("GET", "runs", principal, params=params))

    def steps(self, principal: Principal, run_id: str) -> list[Step]:
        """Return the run's steps in plan order."""
        return codec.load(list[Step], self._json("GET", f"runs/{segment(run_id)}/steps", principal))

    def events(self, principal: Principal, run_id: str, *, after: int = 0, limit: int = 1000) -> list[Event]:
        """Return events with seq > after, in order."""
        data = self._json(
            "GET",
            f"runs/{segment(run_id)}/events",
            principal,
            params={"after": after, "limit": limit},
            headers={"Accept": "application/json"},
        )
        return codec.load(list[Event], data)

    def follow(self, principal: Principal, run_id: str, *, after: int = 0) -> Iterator[Event]:
        """Yield each event once, in order, over a stream that is taken up again where it broke."""
        failures = 0
        while True:
            headers = principal_headers(principal) | {"Last-Event-ID": str(after), "Accept": "text/event-stream"}
            try:
                timeout = httpx.Timeout(60.0, connect=5.0)  # heartbeats come more often
                path = f"runs/{segment(run_id)}/events"
                with self._http.stream("GET", path, headers=headers, timeout=timeout) as response:
                    if response.status_code == httpx.codes.NO_CONTENT:
                        return
                    raise_problem(response)
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
            path = f"runs/{segment(run_id)}"
            run = codec.load(Run, self._json("GET", path, principal, params={"wait": max(0.0, left)}))
            if run.state.final or left <= 0:
                return run

    def cancel(self, principal: Principal, run_id: str) -> Run:
        """Cancel what has not finished."""
        return codec.load(Run, self._json("POST", f"runs/{segment(run_id)}/cancel", principal))

    def resume(self, principal: Principal, run_id: str) -> Run:
        """Make dead and stranded steps ready again."""
        return codec.load(Run, self._json("POST", f"runs/{segment(run_id)}/resume", principal))

    def result(self, principal: Principal, run_id: str) -> Mapping[str, Any]:
        """Return the research result as JSON values."""
        result: Mapping[str, Any] = self._json("GET", f"runs/{segment(run_id)}/result", principal)
        return result

    def artifacts(self, principal: Principal, run_id: str) -> list[Artifact]:
        """Return the run's artifacts by name."""
        return codec.load(list[Artifact], self._json("GET", f"runs/{segment(run_id)}/artifacts", principal))

    def artifact_bytes(self, principal: Principal, run_id: str, name: str) -> bytes:
        """Return an artifact's bytes."""
        return self._send("GET", f"runs/{segment(run_id)}/artifacts/{segment(name)}", principal).content

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
