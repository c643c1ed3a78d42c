"""Gives an empty database the schema of a backup's own revision, and brings it to this version's afterwards."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, func, inspect, select, table, text

from store.all_tables import all_tables
from tieout.errors import Conflict, RefusedFile

_MIGRATIONS = Path(__file__).parents[1] / "migrations"
_VERSIONS = "alembic_version"


def known_revisions() -> list[str]:
    """Return the schema revisions that this version knows, the oldest first."""
    return sorted(path.name[:4] for path in (_MIGRATIONS / "versions").glob("[0-9][0-9][0-9][0-9]_*.py"))


def check_revision(revision: str) -> None:
    """Raise RefusedFile for a revision that only a newer version knows."""
    known = known_revisions()
    if revision not in known:
        raise RefusedFile(
            f"The backup's schema ({revision}) is not known to this version (newest {known[-1]}); restore it with the "
            "version of tieout that made it, or a newer one."
        )


def make_schema(connection: Connection, revision: str) -> None:
    """Make the tables of a revision in an empty database, in the caller's transaction. Raises Conflict.

    Tables of ours that have no rows are taken away first: they are what any start makes.
    """
    there = set(inspect(connection).get_table_names())
    ours = [known for known in all_tables() if known.name in there]
    full = [name for name in sorted(there - {_VERSIONS}) if _has_rows(connection, name)]
    foreign = there - {known.name for known in ours} - {_VERSIONS}
    if full or foreign:
        names = ", ".join(full or sorted(foreign))
        raise Conflict(f"The database is not empty (it has {names}): restore into an empty one.")
    for known in reversed(ours):
        known.drop(connection)
    connection.execute(text(f"DROP TABLE IF EXISTS {_VERSIONS}"))
    upgrade(connection, revision)


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring the schema to a revision, in the caller's transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _has_rows(connection: Connection, name: str) -> bool:
    return (
        connection.execute(
            select(func.count()).select_from(select(text("1")).select_from(table(name)).limit(1).subquery())
        ).scalar()
        != 0
    )
