"""A whole desk in memory, with an agent whose runs end, or wait, as `params["end"]` or a word of the question says."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from pipelines.agents.discover import AgentCatalogue
from pipelines.engine.brokers import in_process_broker
from pipelines.engine.engine import DramatiqEngine
from pipelines.registry.registry import CompanyRegistry
from store.blobs import MemoryBlobStore
from store.database import open_in_memory
from store.lake.lake import MemoryLake
from store.memory_content import MemoryContentStore
from store.runs import SqlRunStore
from store.schedules import SqlScheduleStore
from tieout.application import Application
from tieout.backoff import Backoff
from tieout.bootstrap import render_result
from tieout.changes import Announcing, LocalChanges
from tieout.errors import InvalidInput, NeedsAnswer, OutcomeUnknown, ProviderUnavailable
from tieout.execution import Executor
from tieout.model import (
    Chunk,
    Document,
    Hit,
    Page,
    Plan,
    Principal,
    Role,
    RunRequest,
    RunState,
    Span,
    StepSpec,
    Wait,
    WaitKind,
)
from tieout.ports import Agent, IngestOutcome, Library, Parts, RunStore, SearchFilter, StepContext, StepOutcome

ADMIN = Principal("ada", "desk", Role.ADMIN)
MEMBER = Principal("max", "desk", Role.MEMBER)
VIEWER = Principal("vera", "desk", Role.VIEWER)
DRAFT = "d" * 64
GO = threading.Event()  # what a run with end=block waits for


def plan(request: RunRequest) -> Plan:
    """Return begin → (left, right) → end."""
    return Plan(
        request.agent,
        "1",
        (
            StepSpec("begin", "begin"),
            StepSpec("left", "work", ("begin",)),
            StepSpec("right", "work", ("begin",)),
            StepSpec("end", "end", ("left", "right")),
        ),
    )


def _end(context: StepContext) -> str | None:
    request = context.run.request
    words = ("needs_answer", "needs_review", "fail", "block", "park", "mend", "spawn", "unsure", *WAITS)
    return request.params.get("end") or next((word for word in words if word in request.question), None)


def _may_go() -> bool:
    """Say whether a blocked step goes on: told in this process, or by a file to another."""
    return GO.wait(0.02) or Path(os.environ.get("TOY_GO", "/nonexistent/file")).exists()


def begin(context: StepContext) -> StepOutcome:
    """Ask back, or add steps, when told to."""
    if _end(context) == "needs_answer":
        raise NeedsAnswer("Which one do you mean?")
    more = ("extra_1", "extra_2") if _end(context) == "spawn" else ()
    return StepOutcome({}, spawn=tuple(StepSpec(key, "work", ("begin",)) for key in more))


def work(context: StepContext) -> StepOutcome:
    """Say so, and fail or wait when told to."""
    context.emit("worked", side=context.step.key)
    if _end(context) == "fail":
        raise InvalidInput("this cannot be done")
    if _end(context) == "mend" and not _may_go():
        raise InvalidInput("this cannot be done yet")
    if _end(context) in WAITS and context.step.key == "left" and not context.signals:
        return StepOutcome({}, waits=(WAITS[str(_end(context))](context),))
    if _end(context) == "unsure" and context.step.key == "left":
        context.deliver("hello", "deaf", {"text": "hello"})
    while _end(context) == "block" and not context.cancelled() and not _may_go():
        pass
    while _end(context) == "park" and not _may_go():  # without a look at the database
        pass
    return StepOutcome({"side": context.step.key})


def approval(context: StepContext) -> Wait:
    """Return a wait for consent to `DRAFT`."""
    approvers = tuple(context.run.request.params.get("approvers", ()))
    return Wait(WaitKind.APPROVAL, "publish/the report", draft_sha256=DRAFT, approvers=approvers, note="Look at it")


WAITS: Mapping[str, Callable[[StepContext], Wait]] = {
    "approve": approval,
    "signal": lambda _context: Wait(WaitKind.EVENT, "prices/arrived"),
    "timer": lambda _context: Wait(WaitKind.TIMER, "later", until=datetime.now(UTC) + timedelta(days=1)),
    "child": lambda _context: Wait(WaitKind.RUN, "child", request=RunRequest("block?", params={"end": "block"})),
}


class DeafChannel:
    """Takes messages, loses its answers, and cannot tell later what it took."""

    name = "deaf"

    def __init__(self) -> None:
        self.sent: list[str] = []

    def send(self, key: str, message: Mapping[str, Any]) -> Mapping[str, Any]:
        """Send, and fail to say so the first time."""
        self.sent.append(key)
        if len(self.sent) == 1:
            raise ProviderUnavailable("the line was cut")
        return {"number": len(self.sent)}

    def look_up(self, key: str, message: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Not know."""
        raise OutcomeUnknown("it keeps no list")


def end(context: StepContext) -> StepOutcome:
    """Keep a report whose only number is tied, or open when told to."""
    context.put_artifact("report.md", "text/markdown", b"# Report\n")
    review = _end(context) == "needs_review"
    result = {
        "answer": "It is 42.",
        "claims": [],
        "ledger": {"numbers": 1, "tied": int(not review), "open": int(review), "contradicted": 0},
    }
    return StepOutcome({}, RunState.NEEDS_REVIEW if review else None, result)


def agents() -> AgentCatalogue:
    """Return the agent under the names of the real ones."""
    actions = {"begin": begin, "work": work, "end": end}
    return AgentCatalogue(Agent(name, "1", "A toy.", plan, actions) for name in ("research", "ask"))


class ShelfLibrary:
    """A library that takes any file with text as one page and finds words in it."""

    def __init__(self) -> None:
        self._pages: dict[tuple[str, str], tuple[Document, Page]] = {}

    def ingest(
        self,
        principal: Principal,
        paths: Sequence[Path],
        *,
        progress: Callable[[IngestOutcome, int, int], None] | None = None,
    ) -> list[IngestOutcome]:
        """Read files; an empty one is refused."""
        files = [file for path in paths for file in (sorted(path.iterdir()) if path.is_dir() else [path])]
        outcomes = []
        for done, path in enumerate(files, 1):
            outcome = self._read(principal, path)
            outcomes.append(outcome)
            if progress:
                progress(outcome, done, len(files))
        return outcomes

    def _read(self, principal: Principal, path: Path) -> IngestOutcome:
        text = path.read_text()
        if not text:
            return IngestOutcome(path.name, "refused", reason="it is empty")
        if (principal.workspace, path.name) in self._pages:
            return IngestOutcome(path.name, "unchanged", self._pages[principal.workspace, path.name][0])
        document = Document(
            path.name, principal.workspace, path.name, "0" * 64, "text/plain", len(text), 1, datetime.now(UTC)
        )
        document = replace(document, audiences=(principal.audience,) if principal.audience else ())
        self._pages[principal.workspace, path.name] = document, Page(document.id, 1, text)
        return IngestOutcome(path.name, "added", document)

    def documents(self, principal: Principal) -> list[Document]:
        """Return all documents by name."""
        kept = (one for (workspace, _), (one, _) in sorted(self._pages.items()) if workspace == principal.workspace)
        return [one for one in kept if one.open_to(principal)]

    def pages(self, principal: Principal, document_id: str) -> list[Page]:
        """Return the one page."""
        return [self._pages[principal.workspace, document_id][1]]

    def chunks(self, principal: Principal, document_id: str) -> list[Chunk]:
        """Return the page as one chunk."""
        (page,) = self.pages(principal, document_id)
        return [Chunk("c", page.document_id, 1, 0, len(page.text), page.text)]

    def share(self, principal: Principal, reference: str) -> Document:
        """Open a document to all."""
        from tieout.application import find_document

        found = replace(find_document(self.documents(principal), reference), audiences=())
        self._pages[principal.workspace, found.name] = found, self._pages[principal.workspace, found.name][1]
        return found

    def remove(self, principal: Principal, reference: str) -> Document:
        """Remove a document."""
        from tieout.application import find_document

        found = find_document(self.documents(principal), reference)
        return self._pages.pop((principal.workspace, found.name))[0]

    def reindex(self, principal: Principal) -> int:
        """Return the number of documents."""
        return len(self.documents(principal))

    def unsound(self, principal: Principal) -> list[str]:
        """Return nothing: there are no vectors here."""
        return []

    def search(
        self,
        principal: Principal,
        query: str,
        *,
        limit: int = 10,
        where: SearchFilter = SearchFilter(),  # noqa: B008
        resolve: bool = True,
    ) -> list[Hit]:
        """Find the query's text."""
        hits = []
        for document in self.documents(principal):
            page = self._pages[principal.workspace, document.name][1]
            start = page.text.lower().find(query.lower())
            if start >= 0 and (not where.document_ids or document.id in where.document_ids):
                quote = page.text[start : start + len(query)]
                span = Span("s", document.id, document.title, document.sha256, 1, start, start + len(query), quote)
                hits.append(Hit(span, 1.0))
        return hits[:limit]


class EchoChecker:
    """Calls every word of digits an open number."""

    def check(
        self, principal: Principal, text: str, *, documents: Sequence[Path] = (), tickers: Sequence[str] = ()
    ) -> Mapping[str, Any]:
        """Return the numbers, none tied."""
        numbers = [
            {"text": word, "value": word, "unit": "count", "status": "open", "source": None}
            for word in text.split()
            if word.isdecimal()
        ]
        counts = {"numbers": len(numbers), "tied": 0, "open": len(numbers), "contradicted": 0}
        return {"ledger": counts, "numbers": numbers, "tickers": list(tickers), "documents": len(documents)}


@contextmanager
def memory_desk(reports: Path) -> Iterator[Application]:
    """Give a working desk; its engine runs meanwhile."""
    changes = LocalChanges()
    database = open_in_memory()
    store = cast(RunStore, Announcing(SqlRunStore(database), changes.notify))
    content = MemoryContentStore()
    catalogue = agents()
    parts = Parts(
        cast(Library, ShelfLibrary()),
        CompanyRegistry(content),
        MemoryLake(),
        MemoryBlobStore(),
        channels={"deaf": DeafChannel()},
    )
    executor = Executor(store, catalogue, parts, backoff=Backoff(first_s=0.01, provider_first_s=0.01))
    engine = DramatiqEngine(in_process_broker(), store, executor, "tests", workers=2, changes=changes)
    GO.clear()
    engine.start()
    try:
        yield Application(
            store,
            engine,
            catalogue,
            parts,
            EchoChecker(),
            render_result,
            changes,
            reports,
            schedule_store=SqlScheduleStore(database),
        )
    finally:
        GO.set()
        engine.stop()
