"""Ends, stops or holds a test's process at a named point: before or after a call of one of its parts.

Nothing of it is in the product: a worker process of the tests wraps the methods of its own store, broker, channel,
executor or model. A point strikes as often as it says in all processes together, by marks in a shared folder.
"""

from __future__ import annotations

import os
import resource
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

type Values = tuple[Any, ...]  # what a call was given and gave


@dataclass(frozen=True)
class Point:
    """`at` names part and method (`store.claim_step`); `step` limits it to steps of that key.

    `do`: `kill` (SIGKILL), `stop` (SIGSTOP), `hold` (wait for the file `go`) or `fill` (no file of the process may
    grow until there is the file `room`).
    """

    at: str
    when: str = "after"
    do: str = "kill"
    step: str | None = None
    times: int = 1

    def __str__(self) -> str:
        return f"{self.when}_{self.at}" + (f"_of_{self.step}" if self.step else "")

    def mark(self, folder: Path, number: int = 0) -> Path:
        """Return the file that is there once the point has struck so many times."""
        return folder / f"struck {self} {number}"


def arm(point: Point, parts: Mapping[str, Any], folder: Path, *, calm: Callable[[], None] = lambda: None) -> None:
    """Wrap the method of the part. `calm` returns when no thread of the process writes, before it is stopped.

    A claim and a completion may come as one call: that is wrapped along with each of them.
    """
    name, method = point.at.split(".")
    for called, values_of in {method: _values, **_ALSO.get(method, {})}.items():
        _wrap(point, parts[name], called, values_of, folder, calm)


def _wrap(
    point: Point, part: Any, method: str, values_of: Callable[..., Values], folder: Path, calm: Callable[[], None]
) -> None:
    real = getattr(part, method)

    @wraps(real)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if point.when == "before" and _meant(point, values_of(None, *args)):
            _strike(point, folder, calm)
        came = real(*args, **kwargs)
        if (
            point.when == "after"
            and (came is not None or method != "claim_step")
            and _meant(point, values_of(came, *args))
        ):
            _strike(point, folder, calm)
        return came

    setattr(part, method, wrapped)


def _values(came: Any, *args: Any) -> Values:
    return came, *args


def _completed(_came: Any, results: Any, *_: Any) -> Values:
    """Return what `advance` is asked to complete."""
    return tuple(claimed for claimed, _ in results)


def _claimed_along(came: Any, *_: Any) -> Values:
    """Return what `advance` has claimed."""
    return tuple(came.claimed) if came is not None else ()


_ALSO: Mapping[str, Mapping[str, Callable[..., Values]]] = {
    "complete_step": {"advance": _completed},
    "claim_step": {"advance": _claimed_along},
}


def _meant(point: Point, values: Values) -> bool:
    """Return whether a claim of the step, or an effect's key of it, is among the values; without a step, anything."""
    if point.step is None:
        return bool(values)
    for value in values:
        step = getattr(value, "step", None)
        if getattr(step, "key", None) == point.step:
            return True
        if isinstance(value, str) and f"/{point.step}/" in value:
            return True
    return False


def _strike(point: Point, folder: Path, calm: Callable[[], None]) -> None:
    if any(_first(point.mark(folder, number)) for number in range(point.times)):
        if point.do == "stop":
            calm()
        _DO[point.do](folder)


def _first(mark: Path) -> bool:
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _kill(_: Path) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _stop(_: Path) -> None:
    os.kill(os.getpid(), signal.SIGSTOP)
    time.sleep(0.2)  # the signal may take another thread first, and this one must not get any further


def _hold(folder: Path) -> None:
    _await(folder / "go")


def _fill(folder: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))

    def free() -> None:
        _await(folder / "room")
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    threading.Thread(target=free, daemon=True).start()


def _await(file: Path) -> None:
    while not file.exists():
        time.sleep(0.01)


_DO: Mapping[str, Callable[[Path], None]] = {"kill": _kill, "stop": _stop, "hold": _hold, "fill": _fill}
