"""What the tests do to a PostgreSQL database behind the store's back."""

from pathlib import Path

import sqlalchemy as sa

from holdtrue.store import Store
from holdtrue.store.columns import METADATA

SCHEMA = "tests"


def declare_database(project: Path, url: str, schema: str = SCHEMA) -> None:
    text = f'[tool.holdtrue.database]\nurl = "{url}"\nschema = "{schema}"\n'
    (project / "pyproject.toml").write_text(text)


def empty_tables(store: Store) -> None:
    """Empty the tables as only an administrator can: with the triggers off."""
    names = ", ".join(METADATA.tables)
    run_as_administrator(store, f"TRUNCATE {names} RESTART IDENTITY CASCADE")


def run_as_administrator(store: Store, *statements: str) -> None:
    with store._writer.begin() as connection:
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        for statement in statements:
            connection.exec_driver_sql(statement)
