"""A worker process of the soak: a whole desk that works until it is killed. Forked, so that a new one is there at once."""

from __future__ import annotations

import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import engine_desk
import soak_agent
import soak_channel
import structlog

from tieout import bootstrap
from tieout.settings import read_settings

# What a desk imports when it is opened: imported before the fork, so that a new worker is at work at once.
PRELOAD = [
    *("soak_worker", "store.runs", "store.database", "store.liveness", "pipelines.engine.engine"),
    *("pipelines.engine.liveness", "pipelines.engine.brokers", "tieout.execution", "psycopg", "redis", "alembic"),
]


def work(settings: dict[str, Any], world: str, log: str, ready: Connection) -> None:
    """Say when the engine has started, and work until killed."""
    file = Path(log).open("a", buffering=1)  # noqa: SIM115 (it ends with the process)
    structlog.configure(logger_factory=structlog.WriteLoggerFactory(file))
    channel, joined = soak_channel.HttpChannel(world), bootstrap._parts

    def parts(*args: Any, **given: Any) -> Any:
        return soak_agent.with_channel(joined(*args, **given), channel)

    bootstrap._parts = parts
    with engine_desk.open_desk(read_settings(**settings), work=True, agents=(soak_agent.SOAK,)):
        ready.send_bytes(b"ready")
        while True:
            time.sleep(3600)
