"""The migrations make what the tables say, whichever module describes them."""

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from store.all_tables import all_tables
from store.database import open_database
from store.tables import metadata


def test_migrations_make_the_tables_of_the_metadata(tmp_path: Path) -> None:
    assert all_tables()
    database = open_database(f"sqlite:///{tmp_path / 'tieout.db'}")
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    database.close()
