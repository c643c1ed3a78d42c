"""The only place where parts are joined: which database, broker, index and model, decided by the settings' profile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from os import getpid
from pathlib import Path
from socket import gethostname
from typing import TYPE_CHECKING, Any, cast

import structlog

from tieout.application import Application
from tieout.changes import Announcing, LocalChanges
from tieout.errors import InvalidInput, NotAvailable, TieoutError
from tieout.lazy import close_if_built, lazily
from tieout.machine import boot_id, tieout_version
from tieout.model import Artifact, Principal, Role, Run, RunState, SignOfLife, Worker, WorkerKind, new_id
from tieout.ports import (
    CREDENTIALS,
    NO_MEASURES,
    READY,
    AccessStore,
    Agents,
    BlobStore,
    Budget,
    Changes,
    Checker,
    ContentStore,
    CredentialStore,
    Embedder,
    Engine,
    Liveness,
    Measures,
    Parts,
    RunStore,
    ScheduleStore,
    VectorIndex,
    WorkerStore,
)
from tieout.runtime import FolderLock, acquire, check_folder

if TYPE_CHECKING:
    from pydantic import SecretStr

    from pipelines.engine.scheduler import Scheduler
    from pipelines.providers.openai_compatible import OpenAICompatible
    from pipelines.registry.registry import CompanyRegistry
    from store.database import Database
    from tieout.metrics import PrometheusMeasures
    from tieout.ports import Channel, Desk, FactQuery, Lake, Library
    from tieout.ports.backup import Backups, BackupSummary, Finding, Restored, Retention
    from tieout.ports.conversations import ConversationStore
    from tieout.settings import Settings

_log = structlog.get_logger(__name__)
_STOP_S = 5.0  # for running steps to finish; what then still runs is handed back


class NoEngine:
    """The engine of a command that only looks: the truth is in SQL, somebody else will do the work."""

    owner = ""
    trouble: TieoutError | None = None

    def __init__(self, changes: Changes) -> None:
        self._changes = changes

    def wake(self) -> None:
        """Tell the engines of other processes that something may be ready."""
        self._changes.notify(READY)

    def start(self) -> None:
        """Do nothing."""

    def stop(self, *, timeout_s: float = 10.0) -> None:
        """Do nothing."""


@contextmanager
def open_desk(
    settings: Settings,
    *,
    work: bool = False,
    lock: FolderLock | None = None,
    kind: WorkerKind = WorkerKind.COMMAND,
) -> Iterator[Application]:
    """Give the application over the parts that the settings name, and close them after the block.

    With `work`, workers run meanwhile and carry on unfinished runs; `kind` is what others see of this process. In
    the embedded profile the data folder's lock is taken unless given, and released. Credentials that the settings do
    not give are those that are kept. Raises FolderLocked, NotAvailable, InvalidInput.
    """
    embedded = settings.profile == "embedded"
    with ExitStack() as stack:
        if embedded:
            check_folder(settings.folder)
            lock = lock or acquire(settings.folder)
            stack.callback(lock.release)
        database = _database(settings)
        stack.callback(database.close)
        credentials = _credentials(settings, database)
        settings = with_credentials(settings, credentials, strict=kind is not WorkerKind.COMMAND)
        changes = _changes(settings)
        stack.callback(changes.close)
        store = _run_store(settings, database, changes)
        parts = _parts(settings, database, stack, desk=lazily(lambda: desk))
        agents = lazily(_agents)
        engine: Engine = NoEngine(changes)
        measures: PrometheusMeasures | None = None
        if work:
            measures = _measures(store) if kind is not WorkerKind.COMMAND else None
            liveness = _liveness(settings, database, kind)
            engine = _engine(settings, store, agents, parts, changes, liveness, measures or NO_MEASURES)
            stack.callback(engine.stop, timeout_s=_STOP_S)
            engine.start()
            stack.callback(changes.listen(engine.wake, READY))
        desk: Application = Application(
            store=store,
            engine=engine,
            agents=agents,
            parts=parts,
            checker=lazily(lambda: _checker(parts)),
            measurer=price_queries,
            render_result=render_result,
            changes=changes,
            reports=settings.folder / "reports",
            worker_store=_workers(database),
            schedule_store=_schedules(database),
            backups=lazily(lambda: _backups(settings, database)),
            retention=lazily(lambda: _retention(settings, database)),
            credential_store=credentials,
            access_store=_access(database),
            public_url=settings.public_url,
            metrics=measures.text if measures is not None else lambda: b"",
        )
        if work and kind is not WorkerKind.COMMAND:  # a command has no time to see a run through
            scheduler = _scheduler(desk)
            stack.callback(scheduler.stop, timeout_s=_STOP_S)
            scheduler.start()
            desk = replace(desk, wake_scheduler=scheduler.wake)
            _start_janitor(settings, desk, stack)
        yield desk


def with_credentials(settings: Settings, credentials: CredentialStore | None, *, strict: bool = False) -> Settings:
    """Return the settings with what is kept of their workspace where nothing is given.

    A credential that cannot be opened is left out with a warning: a command must be able to put it anew. With `strict`
    it raises NotAvailable or InvalidInput instead, saying what to do: a service without it would be deaf or mute.
    """
    reader = Principal("tieout", settings.workspace, Role.ADMIN)
    missing = [name for name in CREDENTIALS if not getattr(settings, name)]
    kept = credentials.names(reader) if credentials is not None and missing else []
    found: dict[str, SecretStr] = {}
    for name in [name for name in missing if name in kept]:
        assert credentials is not None
        try:
            secret = credentials.get(reader, name)
        except (NotAvailable, InvalidInput) as error:
            if strict:
                raise
            _log.warning("credential_not_opened", name=name, reason=error.message)
            continue
        found |= {} if secret is None else {name: secret}
    return settings.model_copy(update=found) if found else settings


def render_result(principal: Principal, run: Run, artifacts: Sequence[Artifact]) -> Mapping[str, Any]:  # noqa: ARG001
    """Return the run as `tieout research --json` prints it; artifacts by their names.

    The last step has left answer, claims and ledger in the run's result; a run without them gets its reason.
    """
    from pipelines.render.result import ARTIFACT_FILES, research_object

    have = {artifact.name for artifact in artifacts}
    files = {kind: name for kind, name in ARTIFACT_FILES.items() if name in have}
    shown = research_object(run, None, files)
    shown.update({key: run.result[key] for key in ("as_of", "answer", "claims", "ledger") if key in run.result})
    if run.state is RunState.NEEDS_ANSWER and run.result.get("question"):
        shown["answer"] = str(run.result["question"])
    return shown


def _database(settings: Settings) -> Database:
    from store.database import open_database

    if settings.profile == "team" and settings.database_url is not None:
        return open_database(settings.database_url.get_secret_value())
    return open_database(f"sqlite:///{settings.folder / 'tieout.db'}")


def _credentials(settings: Settings, database: Database) -> CredentialStore:
    from store.credentials import open_credentials

    return open_credentials(database, settings.folder, settings.secret_key)


def _access(database: Database) -> AccessStore:
    from store.access import SqlAccessStore

    return SqlAccessStore(database)


def _changes(settings: Settings) -> Changes:
    if settings.profile == "embedded" or settings.database_url is None:
        return LocalChanges()
    if settings.redis_url is None:
        from store.notify import PostgresChanges

        return PostgresChanges(settings.database_url.get_secret_value())
    from pipelines.engine.redis_changes import RedisChanges

    return RedisChanges(settings.redis_url.get_secret_value())


def _run_store(settings: Settings, database: Database, changes: Changes) -> RunStore:
    from store.runs import SqlRunStore

    return cast(RunStore, Announcing(SqlRunStore(database, limits=settings.limits), changes.notify))


def _backups(settings: Settings, database: Database) -> Backups:
    from store.backup.take import StoreBackups

    return StoreBackups(database, settings.folder, profile=settings.profile)


def _retention(settings: Settings, database: Database) -> Retention:
    from store.retention import SqlRetention

    return SqlRetention(database, settings.folder / "artifacts")


def _start_janitor(settings: Settings, desk: Application, stack: ExitStack) -> None:
    from pipelines.engine.janitor import Janitor

    if settings.retention_days is None or desk.retention is None:
        return
    kept, retention = timedelta(days=settings.retention_days), desk.retention
    janitor = Janitor(lambda: retention.prune(workspace=None, before=desk.clock() - kept))
    stack.callback(janitor.stop, timeout_s=_STOP_S)
    janitor.start()


def restore_backup(settings: Settings, source: Path) -> Restored:
    """Put a backup into the settings' data folder and database, both empty, and write the vectors anew.

    Raises NotFound, RefusedFile, Conflict, FolderLocked, StorageFull, NotAvailable; nothing of it is then left.
    """
    from store.backup.restore import restore

    team = settings.profile == "team" and settings.database_url is not None
    url = settings.database_url.get_secret_value() if team and settings.database_url else None
    restored = restore(source, settings.folder, url)
    try:
        with open_desk(settings) as desk:
            readers = [Principal("restore", workspace, Role.ADMIN) for workspace in restored.workspaces]
            return replace(restored, chunks=sum(desk.reindex(reader) for reader in readers))
    except TieoutError:
        return restored  # the records are in place, and whoever searches first writes what is missing


def verify_backup(source: Path) -> tuple[BackupSummary, list[Finding]]:
    """Return what a backup holds and what is wrong with its records. Raises NotFound, RefusedFile, StorageFull."""
    from store.backup.verify import verify

    return verify(source)


def _agents() -> Agents:
    from pipelines.agents.discover import discover

    return discover()


def _parts(settings: Settings, database: Database, stack: ExitStack, *, desk: Desk) -> Parts:
    folder = settings.folder
    # Apart from each other: removing a document must not take the bytes of a report that was ingested.
    artifacts = lazily(lambda: _blobs(folder / "artifacts"))
    originals = lazily(lambda: _blobs(folder / "originals"))
    content = lazily(lambda: _content(database))
    embedder = lazily(lambda: _embedder(settings))
    stack.callback(close_if_built, embedder)
    vectors = lazily(lambda: _vectors(settings, embedder))
    stack.callback(close_if_built, vectors)
    registry = lazily(lambda: _registry(content))
    model = lazily(lambda: open_model(settings)) if settings.model else None
    stack.callback(close_if_built, model)
    return Parts(
        library=lazily(lambda: _library(content, originals, vectors, embedder, registry)),
        registry=registry,
        lake=lazily(lambda: _lake(folder)),
        blobs=artifacts,
        model=model,
        model_max_tokens=settings.model_max_tokens,
        originals=originals,
        channels=_channels(settings, artifacts, stack),
        desk=desk,
        conversations=lazily(lambda: _conversations(database)),
    )


def _channels(settings: Settings, blobs: BlobStore, stack: ExitStack) -> Mapping[str, Channel]:
    """Return the chats that there are tokens for."""
    channels: dict[str, Channel] = {}
    if settings.slack_bot_token is not None:
        channels["slack"] = lazily(lambda: _slack(settings, blobs))
    if settings.discord_token is not None:
        channels["discord"] = lazily(lambda: _discord(settings, blobs))
        stack.callback(close_if_built, channels["discord"])
    return channels


def _slack(settings: Settings, blobs: BlobStore) -> Channel:
    from slack_sdk import WebClient

    from pipelines.channels.slack import SlackChannel

    assert settings.slack_bot_token is not None
    token = settings.slack_bot_token.get_secret_value()
    return SlackChannel(WebClient(token, base_url=settings.slack_api_url), blobs)


def _discord(settings: Settings, blobs: BlobStore) -> Channel:
    from pipelines.channels.discord import DiscordChannel

    assert settings.discord_token is not None
    return DiscordChannel(settings.discord_token, blobs, url=settings.discord_api_url)


def _conversations(database: Database) -> ConversationStore:
    from store.conversations import SqlConversationStore

    return SqlConversationStore(database)


def _blobs(folder: Path) -> BlobStore:
    from store.blobs import FolderBlobStore

    return FolderBlobStore(folder)


def _content(database: Database) -> ContentStore:
    from store.content import SqlContentStore

    return SqlContentStore(database)


def _lake(folder: Path) -> Lake:
    from store.lake.lake import DeltaLake

    return DeltaLake(folder / "lake")


def _embedder(settings: Settings) -> Embedder:
    from pipelines.providers.embeddings import EndpointEmbedder, FastEmbedder, StaticEmbedder

    if settings.embeddings == "static":
        return StaticEmbedder()
    model, dimensions = settings.embedding_model, settings.embedding_dimensions
    if settings.embeddings == "fastembed":
        return FastEmbedder(model, dimensions) if model and dimensions else FastEmbedder()
    # The model's key goes to the model's own address only.
    key = settings.embedding_api_key or (None if settings.embedding_base_url else settings.model_api_key)
    return EndpointEmbedder(
        model or "",
        dimensions or 0,
        base_url=settings.embedding_base_url or settings.model_base_url or "",
        api_key=key.get_secret_value() if key else "",
        timeout_s=settings.model_timeout_s,
    )


def _vectors(settings: Settings, embedder: Embedder) -> VectorIndex:
    if settings.profile == "team" and settings.qdrant_url:
        from qdrant_client import QdrantClient

        from store.vectors.server import ServerVectorIndex

        key = settings.qdrant_api_key.get_secret_value() if settings.qdrant_api_key else None
        return ServerVectorIndex(
            QdrantClient(url=settings.qdrant_url, api_key=key), embedder.dimensions, model=embedder.name
        )
    from store.vectors.edge import EdgeVectorIndex

    return EdgeVectorIndex(settings.folder / "vectors", embedder.dimensions, model=embedder.name)


def _registry(content: ContentStore) -> CompanyRegistry:
    from pipelines.registry.registry import CompanyRegistry

    return CompanyRegistry(content)


def _library(
    content: ContentStore, blobs: BlobStore, vectors: VectorIndex, embedder: Embedder, registry: CompanyRegistry
) -> Library:
    from pipelines.ledger.figures import read_figures
    from pipelines.retrieval.library import DocumentLibrary

    return DocumentLibrary(content, blobs, vectors, embedder, registry, read_figures=read_figures)


def open_model(settings: Settings) -> OpenAICompatible:
    """Return the configured model; nothing is connected before its first call. Raises InvalidInput."""
    from pipelines.providers.openai_compatible import OpenAICompatible
    from pipelines.providers.pricing import Prices
    from pipelines.providers.retry import RetryPolicy

    return OpenAICompatible(
        settings.model_base_url or "",
        settings.model or "",
        api_key=settings.model_api_key,
        timeout_s=settings.model_timeout_s,
        prices=Prices(settings.model_price_in, settings.model_price_out),
        retry=RetryPolicy(retries=settings.model_max_retries),
    )


def _checker(parts: Parts) -> Checker:
    from pipelines.ledger.check import DraftChecker

    return DraftChecker(parts.library, parts.registry, parts.lake)


def price_queries(
    lake: Lake, principal: Principal, ticker: str, names: Sequence[str], **window: Any
) -> list[FactQuery]:
    """Return the queries of price measures, as a `Measurer` does."""
    from pipelines.tools import market

    return market.price_queries(lake, principal, ticker, names, **window)


def _workers(database: Database) -> WorkerStore:
    from store.workers import SqlWorkerStore

    return SqlWorkerStore(database)


def _schedules(database: Database) -> ScheduleStore:
    from store.schedules import SqlScheduleStore

    return SqlScheduleStore(database)


def _scheduler(desk: Application) -> Scheduler:
    from pipelines.engine.scheduler import Scheduler

    assert desk.schedule_store is not None
    return Scheduler(desk.schedule_store, desk.start_run, desk.run)


def _measures(store: RunStore) -> PrometheusMeasures:
    from tieout.metrics import PrometheusMeasures

    return PrometheusMeasures(store)


def _liveness(settings: Settings, database: Database, kind: WorkerKind) -> Liveness:
    how = SignOfLife.LOCK if settings.profile == "team" else SignOfLife.FILE

    def describe(owner: str) -> Worker:
        now = datetime.now(UTC)
        version = tieout_version()
        return Worker(owner, kind, gethostname(), getpid(), boot_id(), settings.workers, version, how, now, now)

    if settings.profile == "team":
        from store.liveness import PostgresLiveness

        return PostgresLiveness(database, describe)
    from pipelines.engine.enrolment import EnrolledLiveness
    from pipelines.engine.liveness import FileLiveness

    return EnrolledLiveness(FileLiveness(settings.folder / "alive"), _workers(database), describe)


def _engine(
    settings: Settings,
    store: RunStore,
    agents: Agents,
    parts: Parts,
    changes: Changes,
    liveness: Liveness,
    measures: Measures,
) -> Engine:
    from pipelines.engine import brokers
    from pipelines.engine.engine import DramatiqEngine
    from tieout.execution import Executor

    team = settings.profile == "team"
    redis_url = settings.redis_url if team else None
    return DramatiqEngine(
        brokers.redis_broker(redis_url.get_secret_value()) if redis_url else brokers.in_process_broker(),
        store,
        Executor(store, agents, parts, budget=Budget(settings.token_budget, settings.money_budget), measures=measures),
        f"{gethostname()}-{new_id('owner')}",
        workers=settings.workers,
        lease_s=settings.lease_s,
        liveness=liveness,
        changes=changes,
        measures=measures,
    )
