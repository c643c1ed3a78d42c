"""Finds out whether a pooler stands before PostgreSQL: then a session belongs to nobody for longer than a transaction.

A pooler (PgBouncer and its like) hands each transaction to another of its few sessions. What an application keeps in
a session, such as a lock or a prepared statement, is then found, or missed, in somebody else's.
"""

from __future__ import annotations

from typing import Any


def is_direct(connection: Any) -> bool:
    """Return whether psycopg's connection is to the server itself. Asks one query.

    The server greets a connection with the number of the process that serves it; a pooler makes up a number of its
    own, as it cannot know which process will. Pooling whole sessions looks the same from here.
    """
    with connection.cursor() as cursor:
        row = cursor.execute("SELECT pg_backend_pid()").fetchone()
    return bool(row is not None and row[0] == connection.info.backend_pid)


def prepare_nothing_behind_a_pooler(connection: Any, _entry: object = None) -> None:
    """Keep psycopg from preparing statements where they would end in shared sessions: a listener on "connect"."""
    if not is_direct(connection):
        connection.prepare_threshold = None
    connection.rollback()
