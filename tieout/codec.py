"""Turns the vocabulary's dataclasses into JSON values and back, the same way everywhere.

Decimals travel as strings, dates and times as ISO 8601, tuples as lists, enums as their values.
"""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter, ValidationError

from tieout.errors import InvalidInput

_ADAPTERS: dict[Any, TypeAdapter[Any]] = {}  # building one costs milliseconds


def _adapter(kind: Any) -> TypeAdapter[Any]:
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


def dump(value: object, kind: Any = None) -> Any:
    """Return `value` as plain JSON values (dict, list, str, int, float, bool, None)."""
    return _adapter(kind or type(value)).dump_python(value, mode="json")


def load[T](kind: type[T], data: object) -> T:
    """Return `data` (plain JSON values) as a `kind`.

    Raises InvalidInput naming the first field that does not fit.
    """
    try:
        result: T = _adapter(kind).validate_python(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or kind.__name__
        raise InvalidInput(f"{kind.__name__}: {where}: {first['msg']}") from error
    return result
