"""Builds a part when it is first used, so that a command which lists runs need not load an embedder."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any, cast

_UNBUILT = object()


class _Lazy:
    """Stands for a part and builds it once, at the first look at an attribute. Safe for many threads."""

    def __init__(self, build: Callable[[], Any]) -> None:
        self._lazy_build = build
        self._lazy_value: Any = _UNBUILT
        self._lazy_lock = threading.RLock()

    def _lazy_get(self) -> Any:
        if self._lazy_value is _UNBUILT:
            with self._lazy_lock:
                if self._lazy_value is _UNBUILT:
                    self._lazy_value = self._lazy_build()
        return self._lazy_value

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lazy_get(), name)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._lazy_get())


def lazily[T](build: Callable[[], T]) -> T:
    """Return something that acts as what `build` will return."""
    return cast(T, _Lazy(build))


def close_if_built(part: object) -> None:
    """Close a lazy part that was used and can be closed; one that never was used needs no closing."""
    if isinstance(part, _Lazy) and hasattr(part._lazy_value, "close"):
        part._lazy_value.close()
