"""A whole desk in memory and a small price file for the tests of the use cases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.desk import memory_desk
from tieout.application import Application


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Application]:
    with memory_desk(tmp_path / "reports") as opened:
        yield opened


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    path = tmp_path / "prices.csv"
    path.write_text("Date,AAPL,MSFT\n2020-01-02,10,20\n2020-01-03,11,21\n2020-01-06,12,22\n")
    return path
