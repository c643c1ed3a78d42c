"""Gives tests the data of a desk, and an empty PostgreSQL to restore into."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.stored import Data


@pytest.fixture
def new_data(tmp_path: Path) -> Iterator[Callable[..., Data]]:
    """Give a function that opens a folder's data, on SQLite or at an address."""
    opened: list[Data] = []

    def make(name: str, url: str | None = None) -> Data:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        opened.append(Data(folder, url or f"sqlite:///{folder / 'tieout.db'}"))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


@pytest.fixture(params=["sqlite", "postgres"])
def data(request: pytest.FixtureRequest, new_data: Callable[..., Data]) -> Data:
    """Give an empty desk's data."""
    return new_data("home", request.getfixturevalue("postgres_url") if request.param == "postgres" else None)


@pytest.fixture
def empty_postgres(postgres_cluster: Any) -> Iterator[str]:
    """Yield the address of a database without a table."""
    name = f"empty_{time.time_ns()}"
    postgres_cluster.administer(f"CREATE DATABASE {name}")
    yield f"{postgres_cluster.url}/{name}"
    postgres_cluster.administer(f"DROP DATABASE {name} WITH (FORCE)")
