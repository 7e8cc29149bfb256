import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory

from holdtrue.errors import StoreFailed
from holdtrue.store import Store, Transaction
from holdtrue.store.columns import METADATA
from holdtrue.store.migrations import migration

GOLDEN = Path(__file__).with_name("schema.sql")
assert Transaction  # imports every family, so that METADATA knows all tables


def dump_schema(path: Path) -> str:
    """Return what `docs/store.md` calls the schema: every table, index and trigger, by name."""
    with sqlite3.connect(path) as connection:
        rows = connection.execute(
            "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' "
            "AND name <> 'alembic_version' ORDER BY type, name"
        ).fetchall()
    connection.close()
    return "".join(f"{sql};\n" for (sql,) in rows)


def test_the_schema_is_the_golden_one(sqlite_store: Store) -> None:
    assert dump_schema(sqlite_store.folder / "holdtrue.db") == GOLDEN.read_text(), (
        "the schema has changed: add a step under migrations/versions, never change a released one, "
        f"then put the new schema into {GOLDEN}"
    )


def test_the_tables_in_python_have_the_columns_of_the_database(sqlite_store: Store) -> None:
    engine = sa.create_engine(f"sqlite:///{sqlite_store.folder / 'holdtrue.db'}")
    inspector = sa.inspect(engine)
    found = {name: {column["name"] for column in inspector.get_columns(name)} for name in inspector.get_table_names()}
    del found["alembic_version"]
    engine.dispose()
    assert found == {table.name: {column.name for column in table.c} for table in METADATA.tables.values()}


def test_the_known_head_is_the_newest_step() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migration.__file__).parent))
    assert ScriptDirectory.from_config(config).get_current_head() == migration.HEAD


def test_processes_that_open_a_fresh_project_at_once_all_succeed(
    tmp_path: Path, start_child: Callable[..., "subprocess.Popen[str]"]
) -> None:
    children = [start_child("open", tmp_path / ".holdtrue") for _ in range(4)]
    assert [child.stdout.readline() for child in children if child.stdout] == ["ready\n"] * 4
    answers = [child.communicate("go\n")[0].split() for child in children]
    assert [answer[:2] for answer in answers] == [["opened", "1"]] * 4


def test_opening_a_project_that_is_up_to_date_does_not_import_alembic(
    sqlite_store: Store, start_child: Callable[..., "subprocess.Popen[str]"]
) -> None:
    child = start_child("open", sqlite_store.folder)
    assert child.communicate("go\n")[0].split() == ["ready", "opened", "1", "False"]


def test_a_database_of_a_newer_holdtrue_is_refused(sqlite_store: Store) -> None:
    sqlite_store.close()
    with sqlite3.connect(sqlite_store.folder / "holdtrue.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(StoreFailed, match="install the newer holdtrue"):
        Store.open(sqlite_store.folder)


def test_a_database_of_the_first_tables_gets_the_later_ones(sqlite_store: Store) -> None:
    sqlite_store.close()
    with sqlite3.connect(sqlite_store.folder / "holdtrue.db") as connection:
        connection.execute("DROP TABLE beliefs")
        connection.execute("ALTER TABLE versions DROP COLUMN slices")
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    connection.close()
    Store.open(sqlite_store.folder).close()
    assert dump_schema(sqlite_store.folder / "holdtrue.db") == GOLDEN.read_text()


def test_a_step_that_fails_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "holdtrue.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE leases (other TEXT)")
    connection.close()
    with pytest.raises(StoreFailed, match="already exists"):
        Store.open(tmp_path)
    assert dump_schema(path) == "CREATE TABLE leases (other TEXT);\n"


def test_the_page_on_the_store_names_every_table() -> None:
    page = (Path(__file__).parents[2] / "docs" / "store.md").read_text()
    assert sorted(line.split("`")[1] for line in page.splitlines() if line.startswith("| `")) == sorted(METADATA.tables)
