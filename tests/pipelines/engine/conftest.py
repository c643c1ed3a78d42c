"""Gives the engine's tests their toy agent, stores and brokers."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from store.database import open_database, open_in_memory
from store.runs import SqlRunStore
from tieout.ports import RunStore

TOY = Path(__file__).with_name("toy.py")


@pytest.fixture(scope="session")
def toy() -> ModuleType:
    spec = importlib.util.spec_from_file_location("engine_toy", TOY)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["engine_toy"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(params=["memory", "sqlite", "postgres and redis"])
def wiring(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[RunStore, str | None]]:
    """Yield a store and the address of Redis, or None for the broker in this process."""
    if request.param == "memory":
        yield SqlRunStore(open_in_memory()), None
        return
    team = request.param == "postgres and redis"
    url = request.getfixturevalue("postgres_url") if team else f"sqlite:///{tmp_path / 'tieout.db'}"
    database = open_database(url)
    yield SqlRunStore(database), request.getfixturevalue("redis_url") if team else None
    database.close()
