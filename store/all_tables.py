"""Knows every table of the schema, whichever module describes it: `store/tables.py` and each `store/tables_*.py`."""

from __future__ import annotations

import importlib
import pkgutil

from sqlalchemy import Table

import store
from store.tables import metadata


def all_tables() -> list[Table]:
    """Return all tables, each after those that it points to."""
    for module in pkgutil.iter_modules(store.__path__):
        if module.name.startswith("tables"):
            importlib.import_module(f"store.{module.name}")
    return list(metadata.sorted_tables)
