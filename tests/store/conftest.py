"""Gives tests the data of a desk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

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
