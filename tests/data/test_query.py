"""Tables that are queries: the same rows as from a file, or a clear refusal and nothing half-read."""

import os
import sqlite3
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

import holdtrue as ht
from holdtrue.data import print_table, read_history
from holdtrue.domain import Table
from holdtrue.errors import ColumnMissing, DeclarationError, SchemaMismatch, SourceError, SourceMissing

START = datetime(2024, 1, 1, tzinfo=UTC)
SELECT = "SELECT id, at, size, colour, late FROM trips WHERE colour LIKE '%e%' AND at > '2023-01-01T00:00:00+00:00'"


def declare(query: str = SELECT, url: str = "sqlite:///trips.db") -> Table:
    return ht.sql(query, url, key="id", time="at", label="late", label_delay="1d")


def write_database(folder: Path, *, n_rows: int = 20) -> Path:
    file = folder / "trips.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE trips (id TEXT, at TEXT, size REAL, colour TEXT, late INTEGER, odd)")
        rows = [
            (f"{i:03d}", (START + timedelta(days=i)).isoformat(), i / 2, "red" if i % 2 else "green", i % 3 == 0, i)
            for i in range(n_rows)
        ]
        connection.executemany("INSERT INTO trips VALUES (?, ?, ?, ?, ?, ?)", rows)
        connection.execute("UPDATE trips SET odd = 'text' WHERE id = '003'")
    connection.close()
    return file


def test_a_query_gives_the_history_that_a_file_of_its_rows_would(tmp_path: Path) -> None:
    write_database(tmp_path)
    asked = read_history(declare(), folder=tmp_path)
    frame = pl.DataFrame(
        {
            "id": [f"{i:03d}" for i in range(20)],
            "at": [START + timedelta(days=i) for i in range(20)],
            "size": [i / 2 for i in range(20)],
            "colour": ["red" if i % 2 else "green" for i in range(20)],
            "late": [int(i % 3 == 0) for i in range(20)],
        }
    )
    frame.write_parquet(tmp_path / "trips.parquet")
    table = ht.table("trips.parquet", key="id", time="at", label="late", label_delay="1d")
    held = read_history(table, folder=tmp_path)
    assert asked.frame.equals(held.frame)
    assert asked.task == held.task
    assert asked.source == "query of sqlite:///trips.db"


def test_a_query_is_read_anew_when_its_database_was_written_to(tmp_path: Path) -> None:
    file = write_database(tmp_path)
    before = print_table(declare(), folder=tmp_path)
    assert print_table(declare(), folder=tmp_path) == before
    with sqlite3.connect(file) as connection:
        connection.execute("DELETE FROM trips WHERE id = '001'")
    connection.close()
    os.utime(file, ns=(1, 1))
    assert print_table(declare(), folder=tmp_path) != before


def test_a_variable_of_the_environment_stands_in_the_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_database(tmp_path)
    monkeypatch.setenv("TRIPS", "trips.db")
    assert read_history(declare(url="sqlite:///$TRIPS"), folder=tmp_path).n_rows == 20


@pytest.mark.parametrize(
    ("query", "match"),
    [
        ("SELEC 1", "syntax"),
        ("SELECT * FROM trip", "no such table"),
        ("SELECT id, at, size, colour, lat FROM trips", "no such column"),
        ("DELETE FROM trips", "readonly|gives no rows"),
        ("SELECT 1; DROP TABLE trips", "one statement|one SELECT"),
        ("SELECT id, at, late, size, size FROM trips", "two columns 'size'"),
        ("SELECT * FROM trips WHERE 1 = 0", "no rows"),
    ],
)
def test_a_query_that_cannot_be_run_is_refused_and_changes_nothing(tmp_path: Path, query: str, match: str) -> None:
    file = write_database(tmp_path)
    before = file.read_bytes()
    with pytest.raises(SourceError, match=match):
        read_history(declare(query), folder=tmp_path)
    assert file.read_bytes() == before


def test_a_column_that_mixes_types_is_refused_and_one_that_is_not_there_is_named(tmp_path: Path) -> None:
    write_database(tmp_path)
    with pytest.raises(SchemaMismatch, match="'odd' of the query mixes int and str"):
        read_history(declare("SELECT * FROM trips"), folder=tmp_path)
    with pytest.raises(ColumnMissing, match="'late' is not in"):
        read_history(declare("SELECT id, at, size FROM trips"), folder=tmp_path)


def test_a_database_that_is_not_there_or_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing, match=r"trips\.db is not there"):
        read_history(declare(), folder=tmp_path)
    assert not (tmp_path / "trips.db").exists()
    (tmp_path / "trips.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(SourceError, match="not a database"):
        read_history(declare(), folder=tmp_path)


@pytest.mark.parametrize(
    ("url", "match"),
    [
        ("mysql://u:secret@host/db", "'mysql' is not known"),
        ("no url", "cannot be read"),
        ("sqlite://", "names no SQLite file"),
    ],
)
def test_a_url_that_cannot_be_meant_is_refused_without_its_password(tmp_path: Path, url: str, match: str) -> None:
    with pytest.raises(DeclarationError, match=match) as refused:
        read_history(declare(url=url), folder=tmp_path)
    assert "secret" not in str(refused.value)


def test_a_server_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(SourceMissing, match="does not answer") as refused:
        read_history(declare(url="postgresql://u:secret@127.0.0.1:1/db"), folder=tmp_path)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:s3cret@127.0.0.1:1/db",
        "postgresql://ann:s3cret/mor3word@127.0.0.1:1/db",
        "postgresql://ann:s3cret@mor3word@127.0.0.1:1/db",
        "postgresql://ann:s3cret%40mor3word@127.0.0.1:1/db",
        "postgresql://127.0.0.1:1/db?password=s3cret",
        "postgresql://ann:$TRIPS_PASSWORD@127.0.0.1:1/db",
        "postgresql://ann:s3cret#mor3word@127.0.0.1:mor3word/db",
    ],
)
def test_no_message_of_a_driver_holds_a_part_of_a_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    pytest.importorskip("psycopg")
    monkeypatch.setenv("TRIPS_PASSWORD", "s3cret@mor3word")
    with pytest.raises((SourceError, DeclarationError)) as refused:
        read_history(declare(url=url), folder=tmp_path)
    for secret in ("ann:", "s3cret@", "mor3word"):
        assert secret not in str(refused.value)


def fill_postgres(url: str) -> None:
    import psycopg

    with psycopg.connect(url) as connection:
        connection.execute("DROP TABLE IF EXISTS trips")
        connection.execute(
            "CREATE TABLE trips (id int, at timestamptz, size numeric(6, 2), colour text, late boolean, who uuid)"
        )
        connection.execute(
            "INSERT INTO trips SELECT i, timestamptz '2024-01-01 00:00+02' + i * interval '1 day', i / 2.0,"
            " CASE WHEN i % 2 = 1 THEN 'red' ELSE 'green' END, i % 3 = 0, gen_random_uuid()"
            " FROM generate_series(0, 29) i"
        )


def test_postgresql_gives_its_types_as_columns_of_a_table(postgres: str, tmp_path: Path) -> None:
    fill_postgres(postgres)
    query = "SELECT *, at::date AS day FROM trips WHERE colour LIKE '%e%' ORDER BY id"
    history = read_history(declare(query, postgres), folder=tmp_path)
    assert history.n_rows == 30
    assert history.starts_at == datetime(2023, 12, 31, 22, tzinfo=UTC)
    assert history.frame["size"].to_list()[:3] == [0.0, 0.5, 1.0]
    assert history.classes == (False, True)
    assert history.frame["who"].n_unique() == 30


@pytest.mark.parametrize(
    ("query", "match"),
    [
        ("DELETE FROM trips RETURNING *", "read-only transaction"),
        ("SELECT * FROM trips; COMMIT; DELETE FROM trips", "multiple commands"),
        ("SET TRANSACTION READ WRITE; DELETE FROM trips RETURNING *", "multiple commands"),
        ("SELECT * FROM trip", "does not exist"),
        ("SELECT *, 1 / (id - 15) AS x FROM trips", "division by zero"),
        ("SELECT * FROM hidden", "permission denied"),
    ],
)
def test_postgresql_refuses_what_writes_breaks_off_or_is_not_permitted(
    postgres: str, tmp_path: Path, query: str, match: str
) -> None:
    import psycopg

    fill_postgres(postgres)
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS hidden")
        connection.execute("CREATE TABLE hidden (id int)")
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = 'reader'").fetchone():
            connection.execute("CREATE ROLE reader LOGIN")
        connection.execute("GRANT SELECT, DELETE ON trips TO reader")
    with pytest.raises(SourceError, match=match):
        read_history(declare(query, postgres.replace("postgres:@", "reader:@")), folder=tmp_path)
    with psycopg.connect(postgres) as connection:
        assert connection.execute("SELECT count(*) FROM trips").fetchone() == (30,)


def test_a_server_that_ends_a_query_in_the_middle_leaves_nothing_half_read(postgres: str, tmp_path: Path) -> None:
    import psycopg

    fill_postgres(postgres)
    stop = threading.Event()

    def end_others() -> None:
        with psycopg.connect(postgres, autocommit=True) as connection:
            while not stop.wait(0.2):
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(9)%'"
                    " AND pid <> pg_backend_pid()"
                )

    thread = threading.Thread(target=end_others)
    thread.start()
    try:
        with pytest.raises(SourceMissing, match="does not answer"):
            read_history(declare("SELECT *, pg_sleep(9) FROM trips", postgres), folder=tmp_path)
    finally:
        stop.set()
        thread.join()
