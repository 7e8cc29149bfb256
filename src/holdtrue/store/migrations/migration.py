"""Migration: brings the tables of a database up to date, once, whoever comes first."""

from pathlib import Path

import sqlalchemy as sa

from holdtrue.errors import StoreFailed
from holdtrue.store.migrations.spelling import spelled

HEAD = "0003"  # the newest step; known here because asking Alembic costs an import of over half a second


def migrate(writer: sa.Engine, reader: sa.Engine) -> None:
    """Bring the database to `HEAD` in one transaction; a look without any lock says whether there is something to do.

    The transaction is a writer's: of two processes that open a fresh project at once, one waits, finds the work done
    and does nothing; one that is killed in the middle leaves nothing.

    Raises:
        StoreFailed: a newer holdtrue wrote this database.
    """
    with reader.begin() as connection:
        if _read_revision(connection) == HEAD:
            return
    with writer.begin() as connection:
        found = _read_revision(connection)
        if found != HEAD:
            _upgrade(connection, found)


def _read_revision(connection: sa.Connection) -> str | None:
    is_there = "SELECT count(*) FROM sqlite_master WHERE name = 'alembic_version'"
    if connection.dialect.name == "postgresql":
        is_there = (
            "SELECT count(*) FROM pg_catalog.pg_tables "
            "WHERE schemaname = current_schema() AND tablename = 'alembic_version'"
        )
    if not connection.exec_driver_sql(is_there).scalar():
        return None
    found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return None if found is None else str(found)


def _upgrade(connection: sa.Connection, found: str | None) -> None:
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    script = ScriptDirectory.from_config(config)
    known = {step.revision for step in script.walk_revisions()}
    if found is not None and found not in known:
        raise StoreFailed(
            f"the database is at revision {found}, which this holdtrue does not know",
            expected=f"a revision up to {HEAD}",
            remedy="install the newer holdtrue that wrote it",
        )
    # No env.py and no alembic.ini: the steps run on the connection that is open, inside its transaction.
    with EnvironmentContext(config, script, fn=lambda revision, _: script._upgrade_revs(HEAD, revision)) as environment:
        environment.configure(connection=connection, transactional_ddl=True)
        with spelled(connection):
            environment.run_migrations()
