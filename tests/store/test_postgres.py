"""What is said or done otherwise on PostgreSQL: its refusals, its guards in its own words, and connections that end."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from holdtrue.domain import LabelFact, Run
from holdtrue.errors import DeclarationError, StateConflict, StoreAway, StoreFailed
from holdtrue.store import DatabaseAddress, Store, read_address
from holdtrue.store.columns import METADATA
from holdtrue.store.migrations import migration
from holdtrue.store.refusal import Refusal

from .databases import SCHEMA, run_as_administrator
from .samples import NOW, crowned, traffic, verdict, version


def open_as(folder: Path, url: str, *, schema: str = SCHEMA, **terms: float) -> Store:
    return Store.open(folder, address=read_address(url, schema=schema), **terms)


def execute(url: str, *statements: str) -> None:
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def cut_connections(url: str) -> None:
    """End all connections of holdtrue, as a server that shuts down does."""
    execute(url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holdtrue'")


def test_the_columns_are_those_of_the_tables_with_their_widths(postgres_store: Store) -> None:
    with postgres_store.reading() as tx:
        rows = tx.versions._connection.execute(
            sa.text(
                "SELECT table_name, column_name, data_type, collation_name FROM information_schema.columns "
                "WHERE table_schema = :schema AND table_name <> 'alembic_version'"
            ),
            {"schema": SCHEMA},
        ).all()
    found = {(row.table_name, row.column_name) for row in rows}
    assert found == {(table.name, column.name) for table in METADATA.tables.values() for column in table.c}
    assert {row.data_type for row in rows} == {"text", "bigint", "double precision", "boolean"}
    assert {row.collation_name for row in rows if row.data_type == "text"} == {"C"}


def test_projects_in_one_database_know_nothing_of_each_other(
    postgres: str, postgres_store: Store, tmp_path: Path
) -> None:
    with open_as(tmp_path / "other", postgres, schema="other") as other:
        with postgres_store.transaction() as tx, other.transaction() as beside:  # nor do they wait for each other
            tx.versions.append(version())
            assert beside.versions.all("flights") == []
        with other.reading() as tx:
            assert tx.versions.all("flights") == []


def test_another_folder_sees_the_same_state(postgres: str, postgres_store: Store, tmp_path: Path) -> None:
    with postgres_store.transaction() as tx:
        tx.versions.append(version())
    with open_as(tmp_path / "elsewhere", postgres) as other, other.reading() as tx:
        assert tx.versions.all("flights") == [version()]


def test_a_writer_that_holds_its_turn_too_long_is_a_named_failure(
    postgres: str, postgres_store: Store, tmp_path: Path
) -> None:
    with (
        open_as(tmp_path / "b", postgres, busy_timeout_seconds=0.2) as impatient,
        postgres_store.transaction(),
        pytest.raises(StoreFailed, match="another process has been writing"),
        impatient.transaction(),
    ):
        pass


HOSTILE = [
    "INSERT INTO traffic_shares VALUES ('main', 'flights', 2, 0.01)",
    "INSERT INTO traffic_shares VALUES ('main', 'flights', 1, 1) ON CONFLICT (service, loop, version) "
    "DO UPDATE SET version = 2",
    "UPDATE traffic_shares SET version = 2",
    "UPDATE verdicts SET challenger = (SELECT digest FROM versions WHERE number = 2)",
    "INSERT INTO versions SELECT * FROM versions ON CONFLICT (loop, number) DO UPDATE SET digest = 'x'",
    "DELETE FROM verdicts",
    "TRUNCATE verdicts",
    "TRUNCATE versions CASCADE",
    "INSERT INTO audit SELECT loop, 9, at, actor, action, subject, sentence, detail, previous, digest FROM audit",
    "INSERT INTO audit SELECT loop, 2, at, actor, action, subject, sentence, detail, previous, digest FROM audit",
    "UPDATE audit SET actor = 'nobody'",
    "TRUNCATE audit",
]


def test_hostile_sql_does_not_get_past_the_triggers(postgres: str, postgres_store: Store) -> None:
    import psycopg

    with postgres_store.transaction() as tx:
        for number in (1, 2):
            tx.versions.append(version(number))
        tx.verdicts.append(verdict())
        tx.aliases.append(crowned())
        before = tx.traffic.write(traffic(), None)
        tx.audit.append(loop="flights", at=NOW, actor="a", action="b", subject="c", sentence="d", detail={"\\": "\x01"})
    # A session of somebody else, who has not even set the search path.
    with psycopg.connect(postgres, autocommit=True) as connection:
        for statement in HOSTILE:
            with pytest.raises(psycopg.Error), connection.transaction():
                connection.execute(f"SET LOCAL search_path = {SCHEMA}; {statement}")
        with pytest.raises(psycopg.errors.RaiseException, match="promotion refused"):
            connection.execute(f"INSERT INTO {SCHEMA}.traffic_shares VALUES ('main', 'flights', 2, 0.01)")
    with postgres_store.reading() as tx:
        assert tx.traffic.read("main", "flights") == before
        assert tx.audit.verify("flights") is None


def test_a_changed_audit_is_found(postgres_store: Store) -> None:
    with postgres_store.transaction() as tx:
        for n in range(3):
            tx.audit.append(loop="flights", at=NOW, actor="a", action="b", subject=f"{n}", sentence="ü\\x41")
    with postgres_store.reading() as tx:
        assert tx.audit.verify("flights") is None
    run_as_administrator(postgres_store, "UPDATE audit SET actor = 'nobody' WHERE sequence = 2")
    with postgres_store.reading() as tx:
        assert tx.audit.verify("flights") == 2


def test_a_refused_row_that_was_not_tried_aside_breaks_the_whole_block_off(postgres_store: Store) -> None:
    def swallow() -> None:
        with postgres_store.transaction() as tx:
            tx.states.write("flights", {"n": 1}, None)
            with pytest.raises(StateConflict):
                tx.states._connection.exec_driver_sql("INSERT INTO loop_states VALUES ('flights', 1, '{}')")

    with pytest.raises(StoreFailed, match="broken off"):
        swallow()
    with postgres_store.reading() as tx:
        assert tx.states.read("flights") is None


def test_texts_with_a_nul_and_very_long_keys_are_kept(postgres_store: Store) -> None:
    keys = ["a\x00b", "a\x01b", "a\x01\x02b", "\x00\x01\x00", "k" * 20_000]
    facts = [LabelFact(loop="flights", label="x\x00", at=0.0, received_at=1.0, key=key) for key in keys]
    run = Run(run_id="r", loop="flights", reason="by\x00hand", as_of=NOW, error="it printed \x00")
    with postgres_store.transaction() as tx:
        assert tx.labels.append(facts) == 5
        assert tx.labels.append(facts) == 0
        assert tx.labels.all("flights") == facts
        assert set(tx.labels.latest("flights", keys=keys, prediction_ids=[])) == {(key, None) for key in keys}
        assert tx.labels.erase("flights", keys[0], prediction_ids=["p"] * 70_000) == 1
        tx.labels.set_offset("segment", 2**40)
        assert tx.labels.offset("segment") == 2**40
        assert tx.runs.append(run) == tx.runs.read("r")


def test_a_server_that_is_not_there_is_named_at_once_without_its_password(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    began = time.monotonic()
    with pytest.raises(StoreAway, match=r"'x' of postgresql://\*\*\*@127.0.0.1:1/db does not answer") as refused:
        open_as(tmp_path, "postgresql://me:hush@127.0.0.1:1/db", schema="x")
    assert time.monotonic() - began < 5
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["postgresql://ann:se@cr3t@127.0.0.1:1/db", "postgresql://ann:$WORD@127.0.0.1:1/db?sslpassword=cr3t"]
)
def test_no_part_of_a_password_is_said_and_no_word_is_torn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    psycopg = pytest.importorskip("psycopg")
    monkeypatch.setenv("WORD", "se@cr3t")
    with pytest.raises(StoreFailed) as refused:
        open_as(tmp_path, url, schema="x")
    assert "cr3t" not in str(refused.value)
    assert "postgresql://***@127.0.0.1:1/db" in str(refused.value)
    said = "failed to resolve host 'cr3t@127.0.0.1': Name or service not known"
    told = str(Refusal(read_address(url, schema="x")).translate(psycopg.OperationalError(said)))
    assert "failed to resolve host '***@127.0.0.1': Name or service not known" in told


def test_a_password_that_is_a_word_of_the_message_does_not_change_what_it_means() -> None:
    psycopg = pytest.importorskip("psycopg")
    refusal = Refusal(read_address("postgresql://ann:password@db/state", schema="x"))
    problem = refusal.translate(psycopg.OperationalError('password of user "ann" is wrong'))
    assert not isinstance(problem, StoreAway)
    assert "let nobody in" in str(problem)


@pytest.fixture
def guest(postgres: str) -> Iterator[str]:
    """The URL of a user who needs a password and may make nothing."""
    import psycopg

    execute(
        postgres,
        "DO $$ BEGIN CREATE ROLE guest LOGIN PASSWORD 'hush'; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
    )
    with psycopg.connect(postgres) as connection:
        file = Path(connection.execute("SHOW hba_file").fetchone()[0])  # type: ignore[index]
    before = file.read_text()
    file.write_text("local all guest scram-sha-256\n" + before)
    execute(postgres, "SELECT pg_reload_conf()")
    time.sleep(0.2)
    yield postgres.replace("postgres:@", "guest:{}@")
    file.write_text(before)
    execute(postgres, "SELECT pg_reload_conf()")


def test_a_wrong_or_missing_password_a_database_and_a_right_that_are_not_there_are_named(
    guest: str, postgres: str, postgres_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StoreFailed, match=r"let nobody in.*password authentication failed") as refused:
        open_as(tmp_path / "a", guest.format("wrong-word"))
    assert "wrong-word" not in str(refused.value)
    with pytest.raises(StoreFailed, match=r"let nobody in.*PGPASSWORD"):
        open_as(tmp_path / "b", guest.format(""))
    with pytest.raises(StoreFailed, match='database "nowhere" does not exist'):
        open_as(tmp_path / "c", postgres.replace("/postgres?", "/nowhere?"))
    monkeypatch.setenv("PGPASSWORD", "hush")
    with pytest.raises(StoreFailed, match=r"may not do that.*CREATE SCHEMA name AUTHORIZATION") as refused:
        open_as(tmp_path / "d", guest.format(""), schema="of_guest")
    assert "hush" not in str(refused.value)
    execute(postgres, "DROP SCHEMA IF EXISTS of_guest CASCADE", "CREATE SCHEMA of_guest AUTHORIZATION guest")
    with open_as(tmp_path / "e", guest.format(""), schema="of_guest") as store, store.transaction() as tx:
        tx.versions.append(version())
    execute(postgres, f"GRANT USAGE ON SCHEMA {SCHEMA} TO guest")
    with pytest.raises(StoreFailed, match="may not do that"):
        open_as(tmp_path / "f", guest.format(""))


def test_a_newer_schema_is_refused_and_an_older_one_is_brought_up_to_date(postgres: str, tmp_path: Path) -> None:
    execute(postgres, "DROP SCHEMA IF EXISTS aged CASCADE")
    with open_as(tmp_path, postgres, schema="aged") as store:
        run_as_administrator(store, "UPDATE alembic_version SET version_num = '9999'")
        with pytest.raises(StoreFailed, match="install the newer holdtrue"):
            open_as(tmp_path, postgres, schema="aged")
        run_as_administrator(
            store,
            "DROP TABLE beliefs",
            "ALTER TABLE versions DROP COLUMN slices",
            "UPDATE alembic_version SET version_num = '0001'",
        )
        with open_as(tmp_path, postgres, schema="aged") as again, again.transaction() as tx:
            tx.versions.append(version())
            found = tx.versions._connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    assert found == migration.HEAD


def test_a_cut_connection_costs_the_transaction_in_which_it_falls_and_no_other(
    postgres: str, postgres_store: Store
) -> None:
    def write_and_be_cut() -> None:
        with postgres_store.transaction() as tx:
            tx.versions.append(version())
            cut_connections(postgres)
            tx.versions.append(version(2))

    with postgres_store.reading():
        pass
    with pytest.raises(StoreAway, match="what was not committed is not there"):
        write_and_be_cut()
    with postgres_store.transaction() as tx:
        assert tx.versions.all("flights") == []
        tx.versions.append(version())
    cut_connections(postgres)
    with postgres_store.reading() as tx:
        assert tx.versions.all("flights") == [version()]


def test_a_connection_that_died_in_the_pool_is_not_a_server_that_is_away(postgres: str, postgres_store: Store) -> None:
    with postgres_store.open_beside(reconnect_seconds=0.0) as store:
        for begin in (store.reading, store.transaction, store.reading):
            with begin():
                pass
            cut_connections(postgres)


def test_a_commit_without_an_answer_is_told_as_one_that_nobody_knows(postgres: str, postgres_store: Store) -> None:
    def commit_and_be_cut() -> None:
        with postgres_store.transaction() as tx:
            tx.versions.append(version())
            cut_connections(postgres)

    with pytest.raises(StoreAway, match="whether it was written is not known"):
        commit_and_be_cut()


def test_a_transaction_waits_for_a_server_that_starts_anew(postgres_server: Any, postgres_store: Store) -> None:
    from pgserver._commands import pg_ctl

    terms = {"pgdata": postgres_server.pgdata, "user": postgres_server.system_user}
    with postgres_store.reading():
        pass
    socket = postgres_server.get_postmaster_info().socket_dir
    pg_ctl(["-w", "-m", "immediate", "stop"], **terms)
    arguments = ["-w", "-o", '-h ""', "-o", f"-k {socket}", "-l", str(postgres_server.log), "start"]
    start = threading.Timer(0.5, lambda: pg_ctl(arguments, **terms))
    start.start()
    try:
        with postgres_store.transaction() as tx:
            tx.versions.append(version())
    finally:
        start.join()
        postgres_server.ensure_postgres_running()


def test_the_waiting_for_a_server_has_an_end_and_is_done_once(tmp_path: Path, postgres: str) -> None:
    with open_as(tmp_path, postgres, reconnect_seconds=0.8) as store:
        gone = read_address("postgresql://me@127.0.0.1:1/db", schema=SCHEMA)
        with open_beside(store, gone) as away:
            took = [measure_refusal(away), measure_refusal(away)]
    assert took[0] >= 0.8 > took[1]


def open_beside(store: Store, address: DatabaseAddress) -> Store:
    """A store that answered once, and whose server is at another address now."""
    away = Store(store.folder, address=address, reconnect_seconds=0.8)
    away._is_away = False
    return away


def measure_refusal(store: Store) -> float:
    began = time.monotonic()
    with pytest.raises(StoreAway), store.reading():
        pass
    return time.monotonic() - began


def test_a_fenced_store_writes_only_while_it_holds_the_lease(postgres_store: Store) -> None:
    with postgres_store.transaction() as tx:
        token = tx.leases.acquire("control", "a", 60)
    assert token == 1
    postgres_store.fence(("control", token))
    with postgres_store.transaction() as tx:
        tx.versions.append(version())
        tx.leases.acquire("control", "a", 60)
    with pytest.raises(StateConflict, match="no longer held"), postgres_store.transaction() as tx:
        tx.versions.append(version(2))
    with postgres_store.reading() as tx:
        assert tx.versions.all("flights") == [version()]
        assert tx.leases.holder("control") is not None
        assert tx.leases.holder("other") is None


def test_a_driver_that_is_missing_is_named_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(DeclarationError, match=r"holdtrue\[postgres\]"):
        open_as(tmp_path, "postgresql://me@127.0.0.1:1/db", schema="x")
