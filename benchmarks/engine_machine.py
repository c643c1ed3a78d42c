"""What the machine itself can do: one flush to the disk, one ping of Redis, a piece of Python. Nothing is faster."""

from __future__ import annotations

import os
import statistics
import time
from pathlib import Path


def flush_ms(folder: Path, times: int) -> float:
    """Return the median milliseconds of one small write with its flush to the disk."""
    measured = []
    with (folder / "flush").open("wb", buffering=0) as file:
        for _ in range(times):
            file.write(b"x" * 4096)
            began = time.perf_counter()
            getattr(os, "fdatasync", os.fsync)(file.fileno())
            measured.append(time.perf_counter() - began)
    return round(statistics.median(measured) * 1000, 3)


def ping_ms(redis_url: str, times: int) -> float:
    """Return the median milliseconds of a ping of Redis."""
    import redis

    measured = []
    with redis.Redis.from_url(redis_url) as client:
        client.ping()
        for _ in range(times):
            began = time.perf_counter()
            client.ping()
            measured.append(time.perf_counter() - began)
    return round(statistics.median(measured) * 1000, 3)


def python_ms(times: int) -> float:
    """Return the median processor milliseconds of a million additions, to compare sittings and machines by."""
    measured = []
    for _ in range(times):
        began, total = time.process_time(), 0
        for number in range(1_000_000):
            total += number
        measured.append(time.process_time() - began)
    return round(statistics.median(measured) * 1000, 1)


def load() -> float:
    """Return how many processes wanted the processors in the last minute: others slow down what is measured."""
    return round(os.getloadavg()[0], 2)
