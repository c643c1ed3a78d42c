"""The use cases as the doors see them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

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
from tieout.ports.lake import DEFAULT_OPTIONS, ImportOptions, ImportPreview
from tieout.ports.retrieval import IngestOutcome

if TYPE_CHECKING:
    import pyarrow as pa


class Checker(Protocol):
    """Ties out a text that somebody else wrote."""

    def check(
        self, principal: Principal, text: str, *, documents: Sequence[Path] = (), tickers: Sequence[str] = ()
    ) -> Mapping[str, Any]:
        """Return `ledger` (counts) and `numbers` in the form of a research result. Raises RefusedFile."""
        ...


class ResultRenderer(Protocol):
    """Gives a run as the JSON object that `tieout research --json` prints."""

    def __call__(self, principal: Principal, run: Run, artifacts: Sequence[Artifact]) -> Mapping[str, Any]:
        """Return the whole object for any state of the run, finished or not."""
        ...


class Desk(Protocol):
    """Every use case. The application is one in this process; the HTTP client is one in the service's."""

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

    def ingest(
        self,
        principal: Principal,
        paths: Sequence[Path],
        *,
        progress: Callable[[IngestOutcome, int, int], None] | None = None,
    ) -> list[IngestOutcome]:
        """Read files and folders into the library. Raises InvalidInput when there is nothing to read."""
        ...

    def documents(self, principal: Principal) -> list[Document]:
        """Return all documents by name."""
        ...

    def remove_document(self, principal: Principal, reference: str) -> Document:
        """Remove a document by id, name or title. Raises NotFound, PermissionDenied."""
        ...

    def reindex(self, principal: Principal) -> int:
        """Rebuild all vectors; return the number of chunks."""
        ...

    def search(self, principal: Principal, query: str, *, limit: int = 10, document: str | None = None) -> list[Hit]:
        """Return spans best first, of one document when named."""
        ...

    def preview_bars(self, principal: Principal, path: Path, options: ImportOptions = DEFAULT_OPTIONS) -> ImportPreview:
        """Say what an import would do; writes nothing."""
        ...

    def import_bars(self, principal: Principal, path: Path, options: ImportOptions = DEFAULT_OPTIONS) -> ImportPreview:
        """Import a price file whole or not at all."""
        ...

    def series(self, principal: Principal, ticker: str | None = None) -> list[Series]:
        """Return the price contracts."""
        ...

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
        ...

    def instrument(self, principal: Principal, reference: str) -> Instrument:
        """Return the instrument of a ticker, name or identifier. Raises UnknownInstrument, NeedsAnswer."""
        ...

    def check(
        self, principal: Principal, text: str, *, documents: Sequence[Path] = (), tickers: Sequence[str] = ()
    ) -> Mapping[str, Any]:
        """Tie out a text that somebody else wrote; return `ledger` and `numbers`."""
        ...
