import sqlite3
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone

import pytest

from holdtrue.domain import FIRST, AuditEntry
from holdtrue.errors import DeclarationError, StatisticsError, StoreFailed
from holdtrue.store import Store

from .samples import NOW

FIELDS = ("loop", "sequence", "at", "actor", "action", "subject", "sentence", "detail", "previous", "digest")


def append(
    store: Store, n: int, *, at: datetime = NOW, detail: Mapping[str, object] | None = None, loop: str = "flights"
) -> AuditEntry:
    with store.transaction() as tx:
        return tx.audit.append(
            loop=loop,
            at=at,
            actor="gate",
            action="promote",
            subject=f"v{n}",
            sentence="v1 is not worse.",
            detail={"n": n, "margin": 0.5} if detail is None else detail,
        )


def break_open(store: Store, statement: str, *values: object) -> None:
    """Do what only someone with the file in hands can: drop the triggers, then change a row."""
    with sqlite3.connect(store.folder / "holdtrue.db") as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (name,) in names:
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("PRAGMA ignore_check_constraints=ON")
        connection.execute(statement, values)
    connection.close()


def test_each_link_names_the_one_before(store: Store) -> None:
    first, second = append(store, 1), append(store, 2)
    assert (first.sequence, first.previous) == (1, FIRST)
    assert (second.sequence, second.previous) == (2, first.digest)
    with store.reading() as tx:
        assert tx.audit.all("flights") == [first, second]
        assert tx.audit.verify("flights") is None
        assert tx.audit.verify("nothing yet") is None


def test_loops_have_chains_of_their_own(store: Store) -> None:
    append(store, 1)
    assert append(store, 1, loop="flu").sequence == 1


def test_the_digest_does_not_depend_on_how_time_and_detail_were_said(store: Store) -> None:
    entry = append(store, 1, at=NOW.astimezone(timezone(timedelta(hours=13))), detail={"b": (1, 2.0), "a": {"ü": None}})
    assert entry.at.isoformat() == NOW.isoformat()
    assert entry.detail == {"a": {"ü": None}, "b": [1, 2.0]}
    with store.reading() as tx:
        assert tx.audit.all("flights") == [entry]
        assert tx.audit.verify("flights") is None


def test_naive_moments_and_endless_numbers_are_refused(store: Store) -> None:
    with pytest.raises(DeclarationError, match="time zone"):
        append(store, 1, at=NOW.replace(tzinfo=None))
    with pytest.raises(StatisticsError, match=r"detail\.loss"):
        append(store, 1, detail={"loss": float("nan")})


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'nobody'",
        "DELETE FROM audit",
        "INSERT OR REPLACE INTO audit SELECT loop, sequence, at, 'nobody', action, subject, sentence, detail, "
        "previous, digest FROM audit WHERE sequence = 1",
        "INSERT INTO audit SELECT loop, 9, at, actor, action, subject, sentence, detail, previous, digest FROM audit",
        "INSERT INTO audit SELECT loop, 4, at, actor, action, subject, sentence, detail, previous, digest FROM audit "
        "WHERE sequence = 1",
    ],
)
def test_the_database_refuses_to_change_the_chain(sqlite_store: Store, statement: str) -> None:
    entries = [append(sqlite_store, n) for n in (1, 2, 3)]
    with sqlite3.connect(sqlite_store.folder / "holdtrue.db") as connection, pytest.raises(sqlite3.IntegrityError):
        connection.execute(statement)
    connection.close()
    with pytest.raises(StoreFailed), sqlite_store.transaction() as tx:
        tx.audit._connection.exec_driver_sql(statement)
    with sqlite_store.reading() as tx:
        assert tx.audit.all("flights") == entries


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("sequence", [1, 2, 3])
def test_any_changed_field_is_found_where_it_is(sqlite_store: Store, field: str, sequence: int) -> None:
    for n in (1, 2, 3):
        append(sqlite_store, n)
    change = f"{field} + 10" if field == "sequence" else f"substr({field}, 2) || '~'"
    break_open(sqlite_store, f"UPDATE audit SET {field} = {change} WHERE loop = 'flights' AND sequence = ?", sequence)
    with sqlite_store.reading() as tx:
        assert tx.audit.verify("flights") == sequence


@pytest.mark.parametrize("field", ["at", "actor", "sentence", "detail", "previous", "digest"])
def test_bytes_that_are_no_text_any_more_are_found(sqlite_store: Store, field: str) -> None:
    for n in (1, 2):
        append(sqlite_store, n)
    break_open(sqlite_store, f"UPDATE audit SET {field} = CAST(x'ff' || {field} AS TEXT) WHERE sequence = 2")
    with sqlite_store.reading() as tx:
        assert tx.audit.verify("flights") == 2


def test_a_removed_link_is_found_even_at_the_end(sqlite_store: Store) -> None:
    for n in (1, 2, 3):
        append(sqlite_store, n)
    break_open(sqlite_store, "DELETE FROM audit WHERE sequence = 3")
    with sqlite_store.reading() as tx:
        assert tx.audit.verify("flights") == 3
    break_open(sqlite_store, "DELETE FROM audit WHERE sequence = 1")
    with sqlite_store.reading() as tx:
        assert tx.audit.verify("flights") == 1


@pytest.mark.parametrize("field", ["loop", "sequence", "digest"])
def test_a_changed_head_is_found(sqlite_store: Store, field: str) -> None:
    append(sqlite_store, 1)
    break_open(sqlite_store, f"UPDATE audit_heads SET {field} = {field} || '1'")
    with sqlite_store.reading() as tx:
        assert tx.audit.verify("flights") == 2
