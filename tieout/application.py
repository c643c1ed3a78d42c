"""The use cases that every door calls: who may do what, what input is good, and in which order the parts act."""

from __future__ import annotations

import difflib
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tieout.errors import InvalidInput, NeedsAnswer, NotFound, PermissionDenied, StorageFull, UnknownInstrument
from tieout.files import safe_name, write_atomically
from tieout.model import (
    Artifact,
    Document,
    Event,
    Hit,
    Instrument,
    Principal,
    Role,
    Run,
    RunRequest,
    RunState,
    Series,
    SeriesKey,
    Step,
)
from tieout.ports import (
    DEFAULT_OPTIONS,
    Agents,
    Changes,
    Checker,
    Engine,
    ImportOptions,
    ImportPreview,
    IngestOutcome,
    Parts,
    ResultRenderer,
    RunStore,
    SearchFilter,
)

if TYPE_CHECKING:
    import pyarrow as pa

MAX_QUESTION = 4_000  # characters; longer texts belong in a document
MAX_TEXT = 2_000_000  # characters of a text to check
MAX_HITS = 200
_EARLIEST_ZONE = timedelta(hours=14)  # somewhere on earth it is already that day
_POLL_S = 0.5  # commits of other processes are seen this late at the most
_RANK = {Role.VIEWER: 0, Role.MEMBER: 1, Role.ADMIN: 2}


def _now() -> datetime:
    return datetime.now(UTC)


# Words that ask for prices: they need bars up to the day asked for; filings may be older than the first bar.
_PRICES = re.compile(
    r"\b(?:stocks?|(?<!per )(?<!diluted )(?<!basic )shares?|prices?|returns?(?! on\b)|returned(?! to\b)|volatil\w+"
    r"|drawdowns?|beta|correlat\w+|rsi|macd|moving averages?|52[- ]weeks?|clos(?:e|ed|ing))\b",
    re.I,
)


@dataclass(frozen=True)
class Application:
    """A `Desk` in this process. All parts come in as ports; tieout/bootstrap.py joins them.

    Viewers read, members also write, admins also remove; every other role raises PermissionDenied.
    """

    store: RunStore
    engine: Engine
    agents: Agents
    parts: Parts
    checker: Checker
    render_result: ResultRenderer
    changes: Changes
    reports: Path
    clock: Callable[[], datetime] = _now

    # ------------------------------------------------------------ runs

    def start_run(self, principal: Principal, request: RunRequest) -> Run:
        """Plan and commit a run, and wake the engine.

        Raises InvalidInput, UnknownInstrument, NeedsAnswer, NotFound (agent), Conflict (a reused key).
        """
        _require(principal, Role.MEMBER, "start runs")
        request = self._checked(principal, request)
        agent = self.agents.get(request.agent)
        run = self.store.create_run(principal, request, agent.plan(request), now=self.clock())
        self.engine.wake()
        return run

    def run(self, principal: Principal, run_id: str) -> Run:
        """Return a run by id or unique prefix. Raises NotFound."""
        return self.store.get_run(principal, run_id)

    def runs(self, principal: Principal, *, limit: int = 50, states: Sequence[RunState] = ()) -> list[Run]:
        """Return runs, newest first."""
        if not 1 <= limit <= 1000:
            raise InvalidInput(f"The number of runs must be from 1 to 1000, not {limit}.")
        return self.store.list_runs(principal, limit=limit, states=states)

    def steps(self, principal: Principal, run_id: str) -> list[Step]:
        """Return the run's steps in plan order."""
        return self.store.steps(principal, self.run(principal, run_id).id)

    def events(self, principal: Principal, run_id: str, *, after: int = 0, limit: int = 1000) -> list[Event]:
        """Return events with seq > after, in order."""
        return self.store.events(principal, self.run(principal, run_id).id, after=after, limit=limit)

    def follow(self, principal: Principal, run_id: str, *, after: int = 0) -> Iterator[Event]:
        """Yield each event once, in order, as it happens; end when the run is final and all are told."""
        run_id = self.run(principal, run_id).id
        seen = self.changes.wait(-1, 0)
        while True:
            # The state is read before the events: a final state is committed with its last event.
            final = self.store.get_run(principal, run_id).state.final
            events = self.store.events(principal, run_id, after=after)
            for event in events:
                after = event.seq
                yield event
            if events:
                continue
            if final:
                return
            self._check_disk()
            seen = self.changes.wait(seen, _POLL_S)

    def wait(self, principal: Principal, run_id: str, *, timeout_s: float | None = None) -> Run:
        """Return the run when it is final, or as it stands after `timeout_s` seconds."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        seen = self.changes.wait(-1, 0)
        while True:
            run = self.store.get_run(principal, run_id)
            left = _POLL_S if deadline is None else min(_POLL_S, deadline - time.monotonic())
            if run.state.final or left <= 0:
                return run
            self._check_disk()
            seen = self.changes.wait(seen, left)

    def cancel(self, principal: Principal, run_id: str) -> Run:
        """Cancel what has not finished; a final run is returned unchanged."""
        _require(principal, Role.MEMBER, "cancel runs")
        return self.store.cancel_run(principal, self.run(principal, run_id).id, now=self.clock())

    def resume(self, principal: Principal, run_id: str) -> Run:
        """Make dead and stranded steps ready again and wake the engine; finished steps are kept."""
        _require(principal, Role.MEMBER, "resume runs")
        run = self.store.resume_run(principal, self.run(principal, run_id).id, now=self.clock())
        self.engine.wake()
        return run

    def result(self, principal: Principal, run_id: str) -> Mapping[str, Any]:
        """Return the research result as JSON values, in any state of the run."""
        run = self.run(principal, run_id)
        return self.render_result(principal, run, self.store.artifacts(principal, run.id))

    def artifacts(self, principal: Principal, run_id: str) -> list[Artifact]:
        """Return the run's artifacts by name."""
        return self.store.artifacts(principal, self.run(principal, run_id).id)

    def artifact_bytes(self, principal: Principal, run_id: str, name: str) -> bytes:
        """Return an artifact's bytes. Raises NotFound naming those there are."""
        return self.parts.blobs.get(principal, find_artifact(self.artifacts(principal, run_id), name).sha256)

    def export_artifacts(self, principal: Principal, run_id: str, folder: Path | None = None) -> list[Path]:
        """Write the run's artifacts into a folder (default: `reports/<run id>` in the data folder), each atomically."""
        run = self.run(principal, run_id)
        folder = folder or self.reports / run.id
        written = []
        for artifact in self.store.artifacts(principal, run.id):
            path = folder / safe_name(artifact.name)
            write_atomically(path, self.parts.blobs.get(principal, artifact.sha256))
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
        """Read files and folders into the library; a bad file is refused by name and the rest goes on.

        Raises InvalidInput when a path does not exist or there is nothing to read.
        """
        _require(principal, Role.MEMBER, "add documents")
        files = _readable(paths)
        outcomes = self.parts.library.ingest(principal, files, progress=progress)
        if not outcomes:
            names = ", ".join(str(path) for path in paths)
            raise InvalidInput(f"There is no file to read in {names}. Give PDF, HTML, Markdown or text files.")
        return outcomes

    def documents(self, principal: Principal) -> list[Document]:
        """Return all documents by name."""
        return self.parts.library.documents(principal)

    def remove_document(self, principal: Principal, reference: str) -> Document:
        """Remove a document by id, name or title. Raises NotFound, PermissionDenied."""
        _require(principal, Role.ADMIN, "remove documents")
        return self.parts.library.remove(principal, reference)

    def reindex(self, principal: Principal) -> int:
        """Rebuild all vectors from SQL and blobs; return the number of chunks."""
        _require(principal, Role.MEMBER, "rebuild the index")
        return self.parts.library.reindex(principal)

    def search(self, principal: Principal, query: str, *, limit: int = 10, document: str | None = None) -> list[Hit]:
        """Return spans best first, of one document when named. Raises InvalidInput, NotFound."""
        if not 1 <= limit <= MAX_HITS:
            raise InvalidInput(f"The number of hits must be from 1 to {MAX_HITS}, not {limit}.")
        query = _question(query, "The search query")
        if document is None:
            return self.parts.library.search(principal, query, limit=limit)
        found = find_document(self.documents(principal), document)
        where = SearchFilter(document_ids=(found.id,))
        return self.parts.library.search(principal, query, limit=limit, where=where, resolve=False)

    def check(
        self, principal: Principal, text: str, *, documents: Sequence[Path] = (), tickers: Sequence[str] = ()
    ) -> Mapping[str, Any]:
        """Tie out a text that somebody else wrote; return `ledger` and `numbers`.

        Raises InvalidInput, RefusedFile, NotFound, and PermissionDenied to a viewer who names files of this machine.
        """
        if documents:
            _require(principal, Role.MEMBER, "read files of this machine")
        if not text.strip():
            raise InvalidInput("The draft is empty; there is nothing to check.")
        if len(text) > MAX_TEXT:
            raise InvalidInput(f"The draft has {len(text)} characters; at most {MAX_TEXT} can be checked at once.")
        _valid_text(text, "The draft")
        known = [self._ticker(principal, ticker) for ticker in tickers]
        return self.checker.check(principal, text, documents=_readable(documents), tickers=known)

    # ------------------------------------------------------------ market

    def preview_bars(self, principal: Principal, path: Path, options: ImportOptions = DEFAULT_OPTIONS) -> ImportPreview:
        """Say what an import would do; writes nothing. Raises RefusedFile, PermissionDenied."""
        _require(principal, Role.MEMBER, "read files of this machine")
        return self.parts.lake.preview_bars(principal, _readable([path])[0], options)

    def import_bars(self, principal: Principal, path: Path, options: ImportOptions = DEFAULT_OPTIONS) -> ImportPreview:
        """Import a price file whole or not at all. Raises RefusedFile."""
        _require(principal, Role.MEMBER, "import prices")
        return self.parts.lake.import_bars(principal, _readable([path])[0], options)

    def series(self, principal: Principal, ticker: str | None = None) -> list[Series]:
        """Return the price contracts, by ticker, vendor, adjustment."""
        return self.parts.lake.series(principal, ticker.upper() if ticker else None)

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
        return self.parts.lake.bars(principal, key, start=start, end=end, as_of=as_of)

    def instrument(self, principal: Principal, reference: str) -> Instrument:
        """Return the instrument of a ticker, name or identifier. Raises UnknownInstrument, NeedsAnswer."""
        return self.parts.registry.get(principal, reference)

    # ------------------------------------------------------------ what input is good

    def _check_disk(self) -> None:
        """Raise the engine's StorageFull: nobody should wait for a run that cannot go on."""
        if isinstance(self.engine.trouble, StorageFull):
            raise self.engine.trouble

    def _checked(self, principal: Principal, request: RunRequest) -> RunRequest:
        question = _question(request.question, "The question")
        tickers = tuple(dict.fromkeys(self._ticker(principal, ticker) for ticker in request.tickers))
        if request.as_of is not None:
            self._check_as_of(principal, request.as_of, tickers, prices=_PRICES.search(question) is not None)
        return replace(request, question=question, tickers=tickers)

    def _ticker(self, principal: Principal, reference: str) -> str:
        """Return the ticker that a reference stands for; a ticker with prices needs no entry in the registry."""
        _valid_text(reference, "A ticker")
        try:
            instrument = self.parts.registry.get(principal, reference)
        except (UnknownInstrument, NeedsAnswer):
            ticker = reference.strip().upper()
            if ticker and self.parts.lake.series(principal, ticker):
                return ticker
            raise
        return instrument.ticker or instrument.name

    def _check_as_of(self, principal: Principal, as_of: date, tickers: Sequence[str], *, prices: bool) -> None:
        """Refuse a day to come and, where `prices` are asked for, one before the first bar."""
        today = (self.clock() + _EARLIEST_ZONE).date()
        if as_of > today:
            raise InvalidInput(f"The as-of date {as_of} is in the future; the latest possible is today, {today}.")
        if not prices:
            return
        series = [one for ticker in tickers for one in self.parts.lake.series(principal, ticker)]
        series = series or ([] if tickers else self.parts.lake.series(principal))
        first = min((one.first for one in series), default=None)
        if first is not None and as_of < first:
            of = " of " + ", ".join(tickers) if tickers else ""
            raise InvalidInput(
                f"The as-of date {as_of} is before the first price{of}, which is of {first}; choose {first} or later.",
                as_of=as_of.isoformat(),
                first=first.isoformat(),
            )


def find_artifact(artifacts: Sequence[Artifact], name: str) -> Artifact:
    """Return the artifact of that name. Raises NotFound naming those there are."""
    for artifact in artifacts:
        if artifact.name == name:
            return artifact
    there = ", ".join(artifact.name for artifact in artifacts) or "none yet"
    raise NotFound(f"The run has no artifact {name!r}; it has: {there}.")


def find_document(documents: Sequence[Document], reference: str) -> Document:
    """Return the one document that an id, file name, stem or title stands for.

    Raises NotFound with near matches, NeedsAnswer when several documents fit.
    """
    wanted = reference.strip().casefold()
    fields: list[Callable[[Document], str]] = [
        lambda one: one.id,
        lambda one: one.name,
        lambda one: one.name.rsplit(".", 1)[0],
        lambda one: one.title,
    ]
    for field in fields:
        found = [one for one in documents if field(one).casefold() == wanted]
        if len(found) == 1:
            return found[0]
        if found:
            choices = ", ".join(f"{one.name} ({one.id})" for one in found)
            raise NeedsAnswer(f"Several documents are called {reference!r}; which one? {choices}")
    near = difflib.get_close_matches(reference, [one.name for one in documents], n=3, cutoff=0.4)
    hint = f" Did you mean {', '.join(near)}?" if near else " `tieout documents list` shows those there are."
    raise NotFound(f"The library has no document {reference!r}.{hint}")


def _question(text: str, what: str) -> str:
    text = text.strip()
    if not text:
        raise InvalidInput(f"{what} is empty; say what you want to know.")
    if len(text) > MAX_QUESTION:
        raise InvalidInput(f"{what} has {len(text)} characters; at most {MAX_QUESTION} are allowed.")
    return _valid_text(text, what)


def _valid_text(text: str, what: str) -> str:
    """Return text that every part can keep. A terminal's undecodable bytes arrive as lone surrogates."""
    if "\x00" in text:
        raise InvalidInput(f"{what} holds a null character; remove it.")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidInput(f"{what} holds bytes that are not UTF-8 text; type them again.")
    return text


def _readable(paths: Sequence[Path]) -> list[Path]:
    found = []
    for path in paths:
        path = Path(path).expanduser().absolute()
        if not path.exists():
            raise InvalidInput(f"There is no file or folder {path}.", path=str(path))
        if not (path.is_file() or path.is_dir()):
            raise InvalidInput(f"{path} is not a regular file or folder.", path=str(path))
        found.append(path)
    return found


def _require(principal: Principal, role: Role, doing: str) -> None:
    if _RANK[principal.role] < _RANK[role]:
        raise PermissionDenied(
            f"{principal.id} is a {principal.role} of workspace {principal.workspace}; one must be {role} to {doing}."
        )
