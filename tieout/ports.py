"""The contracts between use cases and parts: what a store, lake, index, provider or engine must do.

Each Protocol has an in-memory implementation and real ones; one suite in tests/contracts runs over all.
Every method that touches a workspace's data takes the principal first and sees only that workspace.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from tieout.errors import TieoutError
from tieout.model import (
    Artifact,
    Chunk,
    Document,
    Event,
    Fact,
    Figure,
    Hit,
    Instrument,
    ModelAnswer,
    ModelMessage,
    Page,
    Period,
    Plan,
    Principal,
    Run,
    RunRequest,
    RunState,
    Series,
    SeriesKey,
    Span,
    Step,
    Usage,
)

if TYPE_CHECKING:  # loading it takes a quarter of a second, which a command that lists runs need not spend
    import pyarrow as pa

NO_USAGE = Usage()

# ---------------------------------------------------------------- state of record: runs


@dataclass(frozen=True)
class Claimed:
    """A step that this process may execute: each later write carries `fence`."""

    step: Step
    run: Run
    fence: int
    inputs: Mapping[str, Mapping[str, Any]]  # outputs of the finished steps of the run, by step key


@dataclass(frozen=True)
class ReadyStep:
    """A step that waits for a worker; what the dispatcher sees of it."""

    step_id: str
    run_id: str
    workspace: str


@dataclass(frozen=True)
class Budget:
    """What a run may use in all: tokens (in and out) and money. None means no limit."""

    tokens: int | None = None
    money: Decimal | None = None


NO_LIMIT = Budget()


class RunStore(Protocol):
    """Runs, steps, attempts, effects, events and artifacts: the truth that brokers only hint at."""

    def create_run(self, principal: Principal, request: RunRequest, plan: Plan, *, now: datetime) -> Run:
        """Commit a run with its steps and `run_submitted` event.

        The same idempotency key with the same request returns the first run; with another request it
        raises Conflict.
        """
        ...

    def get_run(self, principal: Principal, run_id: str) -> Run:
        """Return the run. `run_id` may be a unique prefix. Raises NotFound."""
        ...

    def list_runs(self, principal: Principal, *, limit: int = 50, states: Sequence[RunState] = ()) -> list[Run]:
        """Return runs, newest first."""
        ...

    def steps(self, principal: Principal, run_id: str) -> list[Step]:
        """Return the run's steps in plan order."""
        ...

    def cancel_run(self, principal: Principal, run_id: str, *, now: datetime) -> Run:
        """Cancel what has not finished; a final run is returned unchanged."""
        ...

    def resume_run(self, principal: Principal, run_id: str, *, now: datetime) -> Run:
        """Make dead and stranded steps ready again with fresh attempts; finished steps are kept."""
        ...

    def events(self, principal: Principal, run_id: str, *, after: int = 0, limit: int = 1000) -> list[Event]:
        """Return events with seq > after, in order."""
        ...

    def append_event(
        self,
        run_id: str,
        kind: str,
        data: Mapping[str, Any],
        *,
        now: datetime,
        step: str | None = None,
        fence: tuple[str, int] | None = None,
    ) -> Event:
        """Append one event; `fence` is (step_id, fence) and raises StaleFence when a newer claim exists."""
        ...

    def ready_steps(self, *, limit: int, now: datetime) -> list[ReadyStep]:
        """Return steps that are ready or whose retry is due, fairly over workspaces."""
        ...

    def claim_step(self, step_id: str, owner: str, *, lease_s: float, now: datetime) -> Claimed | None:
        """Claim by one conditional update that raises the fence and counts the attempt; None if not to be had."""
        ...

    def complete_step(
        self,
        claimed: Claimed,
        output: Mapping[str, Any],
        *,
        now: datetime,
        run_state: RunState | None = None,
        run_result: Mapping[str, Any] | None = None,
    ) -> list[ReadyStep]:
        """Commit the output, count down its successors, and return those that became ready.

        `run_state` ends the run early (needs_answer) or sets how it ends (needs_review); `run_result` is
        merged into the run's result. Raises StaleFence.
        """
        ...

    def fail_step(self, claimed: Claimed, error: str, *, retry_at: datetime | None, now: datetime) -> None:
        """Record a failed attempt; with no `retry_at`, or no attempts left, the step is dead and the run failed."""
        ...

    def hand_back(self, claimed: Claimed, *, now: datetime) -> None:
        """Give up a claim because of an orderly stop: ready again, the attempt not counted. Raises StaleFence."""
        ...

    def holds_claim(self, claimed: Claimed) -> bool:
        """Return whether the claim still stands: not cancelled, not lost, not claimed anew."""
        ...

    def renew_leases(self, owner: str, *, lease_s: float, now: datetime, steps: Collection[str] | None = None) -> int:
        """Extend the leases of the steps that `owner` runs (only of those ids, when given); return how many."""
        ...

    def release_lost(self, *, now: datetime, alive: Callable[[str], bool]) -> list[ReadyStep]:
        """Make steps whose lease ran out or whose owner is not alive ready again (or dead, with no attempts left)."""
        ...

    def begin_effect(
        self,
        claimed: Claimed,
        key: str,
        kind: str,
        intent: Mapping[str, Any],
        *,
        now: datetime,
        estimate: Usage = NO_USAGE,
        budget: Budget = NO_LIMIT,
        max_attempts: int = 1,
    ) -> Effect:
        """Commit the intent of an effect before it is done, or return the one that stands under `key`.

        One whose outcome is unknown is begun again while it has attempts left. Each beginning charges
        `estimate` to the run; finishing puts the true usage in its place, so what never finishes stays
        charged. Raises BudgetExceeded (nothing is kept) when the estimate does not fit, StaleFence.
        """
        ...

    def finish_effect(self, key: str, outcome: Mapping[str, Any], *, now: datetime, usage: Usage = NO_USAGE) -> None:
        """Record the outcome of an effect, `usage` taking the place of the estimate. The first outcome stays."""
        ...

    def withdraw_effect(self, key: str, *, now: datetime, usage: Usage = NO_USAGE) -> None:
        """End the newest attempt of an effect that did not succeed, `usage` taking the place of its estimate.

        With no usage nothing happened outside, and the attempt is not counted.
        """
        ...

    def put_artifact(self, claimed: Claimed, artifact: Artifact, *, now: datetime) -> None:
        """Record an artifact of the run (same name: replaced). Raises StaleFence."""
        ...

    def artifacts(self, principal: Principal, run_id: str) -> list[Artifact]:
        """Return the run's artifacts by name."""
        ...


@dataclass(frozen=True)
class Effect:
    """Something that leaves the system. `fresh` is true when this call committed the intent.

    Not fresh and `outcome` None: an earlier attempt began it and its outcome is unknown.
    """

    key: str
    kind: str
    fresh: bool
    attempts: int
    outcome: Mapping[str, Any] | None = None


# ---------------------------------------------------------------- state of record: content


class ContentStore(Protocol):
    """Documents, their pages and chunks, and the workspace's own instruments."""

    def put_document(
        self,
        principal: Principal,
        document: Document,
        pages: Sequence[Page],
        chunks: Sequence[Chunk],
        *,
        indexed: bool = True,
    ) -> None:
        """Commit a document whole, replacing one of the same id.

        With `indexed` false its vectors are still to come: no other method but `pages`, `chunks` and
        `unindexed` shows it until `mark_indexed`.
        """
        ...

    def mark_indexed(self, principal: Principal, document_id: str) -> None:
        """Make a document visible: all its points are in the vector index."""
        ...

    def unindexed(self, principal: Principal) -> list[Document]:
        """Return the documents whose ingestion was cut off before their vectors were written."""
        ...

    def find_document(self, principal: Principal, sha256: str) -> Document | None:
        """Return the workspace's document with that content."""
        ...

    def get_document(self, principal: Principal, reference: str) -> Document:
        """Return the document by id, file name or title. Raises NotFound."""
        ...

    def list_documents(self, principal: Principal) -> list[Document]:
        """Return all documents by name."""
        ...

    def remove_document(self, principal: Principal, document_id: str) -> Document:
        """Delete a document with its pages and chunks."""
        ...

    def page(self, principal: Principal, document_id: str, number: int) -> Page:
        """Return one page. Raises NotFound."""
        ...

    def pages(self, principal: Principal, document_id: str) -> list[Page]:
        """Return all pages in order."""
        ...

    def chunks(self, principal: Principal, document_id: str) -> list[Chunk]:
        """Return all chunks in order of page and offset."""
        ...

    def get_chunks(self, principal: Principal, chunk_ids: Sequence[str]) -> list[Chunk]:
        """Return the chunks that exist, in the order asked for."""
        ...

    def pages_at(self, principal: Principal, places: Sequence[tuple[str, int]]) -> list[Page]:
        """Return the pages at (document id, page number) that exist, in the order asked for."""
        ...

    def chunks_at(self, principal: Principal, places: Sequence[tuple[str, int]]) -> list[Chunk]:
        """Return the chunks of those pages, in the order asked for, then by offset."""
        ...

    def put_instruments(self, principal: Principal, instruments: Iterable[Instrument]) -> None:
        """Add or replace the workspace's own instruments."""
        ...

    def list_instruments(self, principal: Principal) -> list[Instrument]:
        """Return the workspace's own instruments."""
        ...


class BlobStore(Protocol):
    """Bytes under their SHA-256 per workspace; writing is atomic and idempotent."""

    def put(self, principal: Principal, data: bytes) -> str:
        """Store and return the SHA-256 (hex). Raises StorageFull."""
        ...

    def get(self, principal: Principal, sha256: str) -> bytes:
        """Return the bytes. Raises NotFound."""
        ...

    def delete(self, principal: Principal, sha256: str) -> None:
        """Remove the bytes if there."""
        ...


# ---------------------------------------------------------------- vectors and retrieval


class Embedder(Protocol):
    """Turns texts into unit vectors."""

    name: str
    dimensions: int

    def embed(self, texts: Sequence[str]) -> Any:
        """Return a float32 array of shape (len(texts), dimensions), rows of length 1."""
        ...


@dataclass(frozen=True)
class VectorPoint:
    """A chunk as the index keeps it: derived data, rebuilt by `tieout reindex`.

    A whole page is indexed too, as a chunk of kind 'page'; its `vector` is None and it takes part in BM25 only.
    """

    chunk: Chunk
    vector: Any
    document: Document
    context: str = ""  # text indexed for BM25 besides the chunk's own (title, heading)


@dataclass(frozen=True)
class SearchFilter:
    """Narrows a search before it ranks. Empty tuples mean no limit."""

    document_ids: tuple[str, ...] = ()
    instrument_ids: tuple[str, ...] = ()
    fiscal_years: tuple[int, ...] = ()
    forms: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()  # prose | table | page


class VectorIndex(Protocol):
    """Hybrid index: dense and BM25 vectors with rank fusion and payload filters."""

    def upsert(self, principal: Principal, points: Sequence[VectorPoint]) -> None:
        """Add or replace points by chunk id; searchable on return."""
        ...

    def remove_document(self, principal: Principal, document_id: str) -> None:
        """Drop the points of a document."""
        ...

    def remove_chunks(self, principal: Principal, chunk_ids: Sequence[str]) -> None:
        """Drop single points."""
        ...

    def clear(self, principal: Principal) -> None:
        """Drop all points of the workspace."""
        ...

    def count(self, principal: Principal) -> int:
        """Return how many points the workspace has."""
        ...

    def search(
        self,
        principal: Principal,
        text: str,
        vector: Any,
        *,
        limit: int,
        where: SearchFilter = SearchFilter(),
    ) -> list[tuple[str, float]]:
        """Return (chunk id, score) best first, fused from the dense and the BM25 ranking.

        With `vector` None the ranking is BM25 alone and the score its own. Whole pages are found only when
        `where.kinds` names 'page'.
        """
        ...

    def close(self) -> None:
        """Release files and locks."""
        ...


@dataclass(frozen=True)
class IngestOutcome:
    """What became of one file: status 'added' | 'updated' | 'unchanged' | 'refused'."""

    name: str
    status: str
    document: Document | None = None
    reason: str = ""


class Library(Protocol):
    """The knowledge base: ingest, list, remove, search, quote."""

    def ingest(
        self,
        principal: Principal,
        paths: Sequence[Path],
        *,
        progress: Callable[[IngestOutcome, int, int], None] | None = None,
    ) -> list[IngestOutcome]:
        """Read files and folders into the library; a bad file is refused by name and the rest goes on."""
        ...

    def documents(self, principal: Principal) -> list[Document]:
        """Return all documents by name."""
        ...

    def remove(self, principal: Principal, reference: str) -> Document:
        """Remove a document by id, name or title, with its vectors and blob."""
        ...

    def reindex(self, principal: Principal) -> int:
        """Rebuild all vectors from SQL and blobs; return the number of chunks."""
        ...

    def search(
        self,
        principal: Principal,
        query: str,
        *,
        limit: int = 10,
        where: SearchFilter = SearchFilter(),
        resolve: bool = True,
    ) -> list[Hit]:
        """Return spans for the query, best first.

        With `resolve`, companies and periods named in the query narrow the search when the library has them.
        """
        ...

    def pages(self, principal: Principal, document_id: str) -> list[Page]:
        """Return a document's pages."""
        ...

    def span(self, principal: Principal, document_id: str, page: int, start: int, end: int) -> Span:
        """Return the quotation at that place; `quote == page.text[start:end]`."""
        ...

    def figures(self, principal: Principal, document_id: str) -> list[Figure]:
        """Return all reported numbers of the document's tables (read once, then kept)."""
        ...


class Registry(Protocol):
    """Companies and securities by name, former name, ticker and identifier."""

    def get(self, principal: Principal, reference: str) -> Instrument:
        """Return the instrument of a ticker, name or identifier. Raises UnknownInstrument or NeedsAnswer."""
        ...

    def mentioned(self, principal: Principal, text: str) -> list[Instrument]:
        """Return the instruments that a text names, in order of first mention, without doubt only."""
        ...


# ---------------------------------------------------------------- lake


@dataclass(frozen=True)
class RefusedRow:
    """A bad row of an import: where it stands and what is wrong with it. `line` counts from 1."""

    file: str
    line: int
    reason: str


@dataclass(frozen=True)
class ImportPreview:
    """What an import would do: the columns as understood, the series, the first rows, and what is refused."""

    layout: str  # wide | long | ohlcv
    columns: Mapping[str, str]  # role → column name in the file
    series: tuple[Series, ...]
    head: tuple[Mapping[str, Any], ...]
    refused: tuple[RefusedRow, ...] = ()
    new: int = 0  # rows that the lake does not hold
    same: int = 0  # rows that it holds with the same values
    changed: int = 0  # rows that it holds with other values: refused unless `replace`


@dataclass(frozen=True)
class ImportOptions:
    """What the file itself does not say. None means: detect, else the default named in the price contract."""

    ticker: str | None = None
    vendor: str | None = None  # default: the file's name without its ending, lower case
    adjustment: str | None = None
    currency: str = "USD"
    time_zone: str = "America/New_York"
    known_on: date | None = None  # default: each bar's own day
    replace: bool = False  # let the file's values take the place of stored ones


@dataclass(frozen=True)
class FactQuery:
    """A computation that gives one Fact: SQL over `bars` and `figures` with `$name` parameters."""

    name: str
    measure: str
    unit: str
    method: str
    sql: str
    parameters: Mapping[str, Any]
    as_of: date
    series: tuple[SeriesKey, ...] = ()
    figures: tuple[Figure, ...] = ()
    instrument: str | None = None
    currency: str | None = None
    period: Period | None = None
    display: Callable[[Decimal], str] | None = None
    spans: tuple[str, ...] = ()


class Lake(Protocol):
    """Price series and run facts in versioned tables; every read is of one version.

    SQL sees `bars(ticker, vendor, adjustment, day DATE, open, high, low, close, volume DOUBLE, currency,
    time_zone, known_on DATE, source)` and `figures(id, document_id, page, start_offset, end_offset, text,
    value DECIMAL(30,8), unit, scale, decimals, row_label, path, column_label, table_title, concept, dimension,
    period_kind, fiscal_year, fiscal_quarter, period_months, period_start DATE, period_end DATE, period_label,
    row_start, row_end, known_on DATE)`. Parameters are JSON values: a date is an ISO string that the SQL casts.
    """

    def preview_bars(self, principal: Principal, path: Path, options: ImportOptions = ImportOptions()) -> ImportPreview:
        """Read a CSV or Parquet file and say what an import would do; writes nothing. Raises RefusedFile."""
        ...

    def import_bars(self, principal: Principal, path: Path, options: ImportOptions = ImportOptions()) -> ImportPreview:
        """Import whole or not at all; importing the same rows again changes nothing. Raises RefusedFile."""
        ...

    def series(self, principal: Principal, ticker: str | None = None) -> list[Series]:
        """Return the price contracts, by ticker, vendor, adjustment."""
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
        """Return day, open, high, low, close, volume of one series, ordered by day, none known after `as_of`."""
        ...

    def last_day(self, principal: Principal, tickers: Sequence[str] = ()) -> date | None:
        """Return the last bar's day over the given tickers (all, when empty)."""
        ...

    def snapshot(self, principal: Principal, table: str) -> str:
        """Return "table@version" of the newest version; that version is never vacuumed once a fact cites it."""
        ...

    def compute(self, principal: Principal, queries: Sequence[FactQuery]) -> list[Fact]:
        """Compute facts. One that has no value (no rows, division by zero) is left out, never guessed."""
        ...

    def rows(self, principal: Principal, facts: Sequence[Fact]) -> Mapping[str, pa.Table]:
        """Return the rows that the facts read, by table name (`bars`, `figures`), for the notebook and charts."""
        ...

    def query(
        self, principal: Principal, sql: str, parameters: Mapping[str, Any], tables: Mapping[str, pa.Table]
    ) -> pa.Table:
        """Run one SELECT from outside in the sandbox, over the given tables only. Raises InvalidInput."""
        ...


# ---------------------------------------------------------------- models


class ModelProvider(Protocol):
    """A chat model behind any OpenAI-compatible endpoint."""

    name: str

    def complete(
        self,
        messages: Sequence[ModelMessage],
        *,
        max_tokens: int,
        on_text: Callable[[str], None] | None = None,
    ) -> ModelAnswer:
        """Return the whole answer, streaming pieces to `on_text`.

        Raises ProviderUnavailable (after its retries), ProviderRefused, ProviderError.
        """
        ...

    def estimate(self, messages: Sequence[ModelMessage], max_tokens: int) -> Usage:
        """Return the most that a call could use, for the budget check before it."""
        ...


# ---------------------------------------------------------------- agents


@dataclass(frozen=True)
class StepOutcome:
    """What an action returns: its output, and perhaps an end of the run.

    `run_state` needs_answer ends the run at once (the rest is cancelled); needs_review is how it ends when
    the last step is done. `result` is merged into the run's result.
    """

    output: Mapping[str, Any]
    run_state: RunState | None = None
    result: Mapping[str, Any] = field(default_factory=dict)


class StepContext(Protocol):
    """What an action sees: its run and step, earlier outputs, the parts, and a way to report and to pay."""

    principal: Principal
    run: Run
    step: Step
    inputs: Mapping[str, Mapping[str, Any]]
    parts: Parts

    def emit(self, kind: str, **data: Any) -> None:
        """Append an event to the run (fenced)."""
        ...

    def put_artifact(self, name: str, media_type: str, data: bytes) -> Artifact:
        """Keep a file of the run."""
        ...

    def call_model(self, key: str, messages: Sequence[ModelMessage], *, max_tokens: int) -> ModelAnswer:
        """Call the model as an effect: within budget, recorded, never bought twice when its answer arrived."""
        ...

    def cancelled(self) -> bool:
        """Whether the run was cancelled or the step claimed by another process."""
        ...


@dataclass(frozen=True)
class Parts:
    """The parts that actions work with, joined once in tieout/bootstrap.py."""

    library: Library
    registry: Registry
    lake: Lake
    blobs: BlobStore
    model: ModelProvider | None = None
    model_max_tokens: int = 4_000  # the longest answer to ask for
    originals: BlobStore | None = None  # the library's files; apart from `blobs`, which keep artifacts


Action = Callable[[Any], StepOutcome]  # called with a StepContext


@dataclass(frozen=True)
class Agent:
    """A kind of work: how it plans and what its steps do. One module in pipelines/agents exposes one."""

    name: str
    version: str
    summary: str
    plan: Callable[[RunRequest], Plan]
    actions: Mapping[str, Action]


class Agents(Protocol):
    """The agents that this installation has."""

    def get(self, name: str) -> Agent:
        """Return the agent. Raises NotFound naming those there are."""
        ...

    def __iter__(self) -> Iterator[Agent]: ...


# ---------------------------------------------------------------- engine


class Engine(Protocol):
    """Runs steps: takes hints, never the truth."""

    @property
    def trouble(self) -> TieoutError | None:
        """What keeps the engine from going on just now (a full disk, a database that is away), or None."""
        ...

    def wake(self) -> None:
        """Say that something may be ready; cheap, may be lost."""
        ...

    def start(self) -> None:
        """Start workers, dispatcher and sweeper in this process."""
        ...

    def stop(self, *, timeout_s: float = 10.0) -> None:
        """Let running steps finish within the time, then stop."""
        ...


# ---------------------------------------------------------------- use cases, as the doors see them


class Changes(Protocol):
    """Tells waiting threads that something was committed. A hint: who waits looks at SQL again."""

    def notify(self) -> None:
        """Wake all who wait; cheap, may be called from any thread."""
        ...

    def wait(self, seen: int, timeout_s: float) -> int:
        """Return the count of changes once it differs from `seen`, at the latest after `timeout_s` seconds."""
        ...

    def listen(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back at each change (quick, must not raise); return the function that ends it."""
        ...


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

    def preview_bars(self, principal: Principal, path: Path, options: ImportOptions = ImportOptions()) -> ImportPreview:
        """Say what an import would do; writes nothing."""
        ...

    def import_bars(self, principal: Principal, path: Path, options: ImportOptions = ImportOptions()) -> ImportPreview:
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
