"""Makes a reading transaction see one moment of the database for all its length."""

from __future__ import annotations

from sqlalchemy import Connection, text


def hold_snapshot(connection: Connection) -> None:
    """Fix what the transaction sees. It must be its first statement; SQLite's transactions do so by themselves."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
