"""The use cases of runs as the doors see them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from tieout.model import Artifact, Event, Principal, Run, RunRequest, RunState, Step


class ResultRenderer(Protocol):
    """Gives a run as the JSON object that `tieout research --json` prints."""

    def __call__(self, principal: Principal, run: Run, artifacts: Sequence[Artifact]) -> Mapping[str, Any]:
        """Return the whole object for any state of the run, finished or not."""
        ...


class RunDesk(Protocol):
    """Starts, follows and ends runs, and gives what they left behind."""

    def start_run(self, principal: Principal, request: RunRequest) -> Run:
        """Plan and commit a run. Raises InvalidInput, UnknownInstrument, NeedsAnswer, Conflict."""
        ...

    def run(self, principal: Principal, run_id: str) -> Run:
        """Return a run by id or unique prefix. Raises NotFound."""
        ...

    def runs(self, principal: Principal, *, limit: int = 50, states: Sequence[RunState] = ()) -> list[Run]:
        """Return runs, newest first."""
        ...

    def steps(self, principal: Principal, run_id: str) -> list[Step]:
        """Return the run's steps in plan order."""
        ...

    def events(self, principal: Principal, run_id: str, *, after: int = 0, limit: int = 1000) -> list[Event]:
        """Return events with seq > after, in order."""
        ...

    def follow(self, principal: Principal, run_id: str, *, after: int = 0) -> Iterator[Event]:
        """Yield each event once, in order, as it happens; end when the run is final and all are told."""
        ...

    def wait(self, principal: Principal, run_id: str, *, timeout_s: float | None = None) -> Run:
        """Return the run when it is final, or as it stands after `timeout_s` seconds."""
        ...

    def cancel(self, principal: Principal, run_id: str) -> Run:
        """Cancel what has not finished."""
        ...

    def resume(self, principal: Principal, run_id: str) -> Run:
        """Make dead and stranded steps ready again; finished steps are kept."""
        ...

    def result(self, principal: Principal, run_id: str) -> Mapping[str, Any]:
        """Return the research result as JSON values."""
        ...

    def artifacts(self, principal: Principal, run_id: str) -> list[Artifact]:
        """Return the run's artifacts by name."""
        ...

    def artifact_bytes(self, principal: Principal, run_id: str, name: str) -> bytes:
        """Return an artifact's bytes. Raises NotFound."""
        ...

    def export_artifacts(self, principal: Principal, run_id: str, folder: Path | None = None) -> list[Path]:
        """Write the run's artifacts into a folder (default: `reports/<run id>` in the data folder), each atomically."""
        ...
