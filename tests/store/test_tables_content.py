"""The content tables' migration makes what the tables say."""

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from store.database import open_database
from store.tables_content import metadata


def test_migrations_make_the_tables_of_the_metadata(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'tieout.db'}")
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    database.close()
