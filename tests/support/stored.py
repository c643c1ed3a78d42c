"""A desk's data without its engine: runs that a test drives, a library and a lake, on SQLite or PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from store.backup.take import StoreBackups
from store.blobs import FolderBlobStore
from store.content import SqlContentStore
from store.database import Database, open_database
from store.lake.lake import DeltaLake
from store.runs import SqlRunStore
from tieout.model import Artifact, Chunk, Document, Page, Plan, Principal, RunRequest, RunState, StepSpec

ANN = Principal("ann", "desk")
BOB = Principal("bob", "Other.Workspace")
DIAMOND = Plan(
    "toy",
    "1",
    (
        StepSpec("a", "work"),
        StepSpec("b", "work", ("a",)),
        StepSpec("c", "work", ("a",)),
        StepSpec("d", "work", ("b", "c")),
    ),
)


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Data:
    """A data folder with its database, and what acts on it."""

    folder: Path
    url: str
    opened: list[Database] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.database = open_database(self.url)
        self.runs = SqlRunStore(self.database)
        self.artifacts = FolderBlobStore(self.folder / "artifacts")
        self.originals = FolderBlobStore(self.folder / "originals")
        self.content = SqlContentStore(self.database)
        self.lake = DeltaLake(self.folder / "lake")
        self.backups = StoreBackups(self.database, self.folder, profile="embedded")

    @staticmethod
    def now() -> datetime:
        return now()

    def submit(self, count: int = 1, who: Principal = ANN) -> list[str]:
        return [self.runs.create_run(who, RunRequest(f"question {n}"), DIAMOND, now=now()).id for n in range(count)]

    def work(self, limit: int = 10, owner: str = "me") -> int:
        """Do some steps, each with an artifact of its own; return how many."""
        done = 0
        for ready in self.runs.ready_steps(limit=limit, now=now()):
            claimed = self.runs.claim_step(ready.step_id, owner, lease_s=30, now=now())
            if claimed is None:
                continue
            who = Principal("worker", claimed.run.workspace)
            data = f"{claimed.run.id} {claimed.step.key}\n".encode() * 50
            artifact = Artifact(
                claimed.run.id, f"{claimed.step.key}.txt", "text/plain", self.artifacts.put(who, data), len(data)
            )
            self.runs.put_artifact(claimed, artifact, now=now())
            self.runs.complete_step(claimed, {"did": claimed.step.key, "text": "é\ud800\x00"}, now=now())
            done += 1
        return done

    def claim(self, owner: str) -> str:
        """Leave a step running under an owner that never comes back; return the run's id."""
        ready = self.runs.ready_steps(limit=1, now=now())[0]
        claimed = self.runs.claim_step(ready.step_id, owner, lease_s=600, now=now())
        assert claimed is not None
        return claimed.run.id

    def finish_all(self) -> None:
        """Drive every run to its end, as a start after a stop does."""
        self.runs.release_lost(now=now(), alive=lambda owner: False)
        while self.work(50, "fresh"):
            pass

    def document(self, name: str, who: Principal = ANN) -> Document:
        data = f"The text of {name}. ".encode() * 200
        text = data.decode()
        found = Document(
            f"doc_{name}", who.workspace, name, self.originals.put(who, data), "text/plain", len(data), 1, now()
        )
        chunks = [Chunk(f"{found.id}-{n}", found.id, 1, n * 10, n * 10 + 10, "", "") for n in range(5)]
        self.content.put_document(who, found, [Page(found.id, 1, text)], chunks)
        return found

    def remove(self, found: Document, who: Principal = ANN) -> None:
        """Remove a document as the library does: the row first, then the file."""
        self.content.remove_document(who, found.id)
        self.originals.delete(who, found.sha256)

    def prices(self, ticker: str, days: int) -> None:
        path = self.folder / f"{ticker}.csv"
        rows = [f"2024-01-{day:02},{100 + day}" for day in range(2, 2 + days)]
        path.write_text("\n".join(["date,close", *rows]) + "\n")
        from tieout.ports import ImportOptions

        self.lake.import_bars(ANN, path, ImportOptions(ticker=ticker, vendor="v", adjustment="none"))

    def states(self, who: Principal = ANN) -> dict[str, RunState]:
        return {run.id: run.state for run in self.runs.list_runs(who, limit=1000)}

    def close(self) -> None:
        self.database.close()


@contextmanager
def repeating(*acts: Callable[[], object]) -> Iterator[None]:
    """Do each of these over and over in a thread of its own for the length of the block; what one raises fails it."""
    stopping = threading.Event()
    errors: list[BaseException] = []

    def repeat(act: Callable[[], object]) -> None:
        try:
            while not stopping.is_set():
                act()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=repeat, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopping.set()
        for thread in threads:
            thread.join(60)
    assert errors == []
