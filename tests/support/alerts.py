"""A desk whose clock and prices are set by hand, with the real chat and alert agents and a chat that remembers."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, cast

import polars as pl

from bots.agent import AGENT as CHAT
from bots.inbound import Inbound, InboundKind, Place
from pipelines.agents.alert import AGENT as ALERT
from pipelines.agents.discover import AgentCatalogue
from pipelines.engine.brokers import in_process_broker
from pipelines.engine.engine import DramatiqEngine
from pipelines.engine.scheduler import Scheduler
from pipelines.registry.registry import CompanyRegistry
from store.blobs import MemoryBlobStore
from store.conversations import SqlConversationStore
from store.database import open_in_memory
from store.lake.lake import MemoryLake
from store.memory_content import MemoryContentStore
from store.runs import SqlRunStore
from store.schedules import SqlScheduleStore
from tests.support.desk import EchoChecker, ShelfLibrary
from tieout import codec
from tieout.application import Application
from tieout.backoff import Backoff
from tieout.bootstrap import render_result
from tieout.changes import Announcing, LocalChanges
from tieout.execution import Executor
from tieout.model import Principal, Role, Run, RunRequest
from tieout.ports import ImportOptions, Library, Parts, RunStore

PACK = Path(__file__).parents[2] / "tieout" / "sample_pack"
VENDOR = "exchange"
ADA = Principal("slack:U1", "desk", Role.MEMBER, "slack/T1/C1")


@dataclass
class Board:
    """A chat channel that keeps every message under its key, once."""

    name: str = "slack"
    messages: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def send(self, key: str, message: Mapping[str, Any]) -> Mapping[str, Any]:
        """Keep it."""
        assert key not in self.messages, f"{key} was sent twice"
        self.messages[key] = message
        return {"message": f"{len(self.messages)}.0", "channel": message["to"].get("channel", "")}

    def look_up(self, key: str, message: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return what was sent."""
        return {"message": "1.0", "channel": ""} if key in self.messages else None


@dataclass
class AlertDesk:
    """A person in a channel who orders alerts, days that pass, and prices that come."""

    desk: Application
    lake: MemoryLake
    board: Board
    folder: Path
    now: datetime = datetime(2018, 1, 2, 15, tzinfo=UTC)
    person: Principal = ADA
    scheduler: Scheduler = field(init=False)

    def __post_init__(self) -> None:
        self.desk = replace(self.desk, clock=lambda: self.now)
        self.scheduler = Scheduler(
            SqlScheduleStore(self.desk.schedule_store._database),  # type: ignore[union-attr]
            self.desk.start_run,
            self.desk.run,
            clock=lambda: self.now,
        )

    def says(self, text: str) -> str:
        """Say something in the channel and return what is answered."""
        place = Place("slack", "T1", "C1")
        number = len(self.board.messages) + 1
        inbound = Inbound(f"slack/T1/C1/{number}", InboundKind.MESSAGE, place, "U1", self.now, f"{number}", text, True)
        return self._done(RunRequest(text, agent="chat", params={"inbound": codec.dump(inbound)}))

    def clicks(self, value: str) -> str:
        """Press a button in the channel and return what is answered."""
        place = Place("slack", "T1", "C1")
        inbound = Inbound(f"slack/T1/{value}", InboundKind.CLICK, place, "U1", self.now, "9", action=value)
        return self._done(RunRequest(value, agent="chat", params={"inbound": codec.dump(inbound)}))

    def prices(self, closes: Mapping[str, float], *, replacing: bool = False, ticker: str = "ACME") -> None:
        """Import closes by day."""
        path = self.folder / f"{ticker}.csv"
        with path.open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["date", "close"])
            rows.writerows(closes.items())
        options = ImportOptions(ticker=ticker, vendor=VENDOR, adjustment="none", replace=replacing)
        self.lake.import_bars(self.person, path, options)

    def closed(self, day: str, *, hour: int = 22) -> list[Run]:
        """Let the time be after the close of a day (UTC), and what is due be done; return the runs of its fires."""
        self.now = datetime.combine(date.fromisoformat(day), time(hour), UTC)
        before = {run.id for run in self._of_chat()}
        self.scheduler.run_once()
        new = [run.id for run in self._of_chat() if run.id not in before]
        return [self.desk.wait(self.person, run_id, timeout_s=60) for run_id in new]

    def fired(self, day: str) -> list[str]:
        """Return what is said after the close of a day."""
        before = set(self.board.messages)
        self.closed(day)
        return [text_of(message) for key, message in self.board.messages.items() if key not in before]

    @property
    def said(self) -> list[str]:
        """All that was said, oldest first."""
        return [text_of(message) for message in self.board.messages.values()]

    def _of_chat(self) -> list[Run]:
        return [run for run in self.desk.runs(self.person, limit=1000) if run.request.agent == "chat"]

    def _done(self, request: RunRequest) -> str:
        before = set(self.board.messages)
        run = self.desk.wait(self.person, self.desk.start_run(self.person, request).id, timeout_s=60)
        assert run.state == "done", run.error
        return "\n".join(text_of(message) for key, message in self.board.messages.items() if key not in before)


def text_of(message: Mapping[str, Any]) -> str:
    """Return the words of a message, its buttons' values included."""
    return str(message.get("text", "")) + "\n" + str(message.get("blocks", ""))


def apple(first: str, last: str) -> dict[str, float]:
    """Return Apple's closes of some days, rounded to cents, as the sample pack has them."""
    bars = pl.read_parquet(PACK / "bars" / "AAPL.parquet")
    days = bars.with_columns(pl.col("Date").cast(pl.Date)).filter(
        pl.col("Date").is_between(date.fromisoformat(first), date.fromisoformat(last))
    )
    return {str(row["Date"]): round(row["Close"], 2) for row in days.iter_rows(named=True)}


@contextmanager
def alert_desk(folder: Path) -> Iterator[AlertDesk]:
    """Give a desk; its engine runs meanwhile."""
    changes, database, board, lake = LocalChanges(), open_in_memory(), Board(), MemoryLake()
    store = cast(RunStore, Announcing(SqlRunStore(database), changes.notify))
    agents = AgentCatalogue([CHAT, ALERT])
    blobs = MemoryBlobStore()
    parts = Parts(
        cast(Library, ShelfLibrary()),
        CompanyRegistry(MemoryContentStore()),
        lake,
        blobs,
        channels={"slack": board},
        conversations=SqlConversationStore(database),
    )
    desk = Application(
        store,
        cast(Any, None),
        agents,
        parts,
        EchoChecker(),
        render_result,
        changes,
        folder / "reports",
        schedule_store=SqlScheduleStore(database),
    )
    whole = replace(parts, desk=desk)
    executor = Executor(store, agents, whole, backoff=Backoff(first_s=0.01, provider_first_s=0.01))
    engine = DramatiqEngine(in_process_broker(), store, executor, "tests", workers=2, changes=changes)
    made = AlertDesk(replace(desk, engine=engine, parts=whole), lake, board, folder)
    # The actions' desk shares the clock that the test sets.
    object.__setattr__(desk, "engine", engine)
    object.__setattr__(desk, "clock", lambda: made.now)
    engine.start()
    try:
        yield made
    finally:
        engine.stop()
