import dataclasses
import os
import random
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from holdtrue.errors import NotFound, StateConflict, StoreFailed
from holdtrue.store import Store

from .samples import NOW, crowned, traffic, verdict, version

StartChild = Callable[..., "subprocess.Popen[str]"]


def read_line(child: "subprocess.Popen[str]") -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def tell(child: "subprocess.Popen[str]", line: str = "go") -> None:
    assert child.stdin is not None
    child.stdin.write(line + "\n")


def test_a_transaction_commits_wholly_or_not_at_all(store: Store) -> None:
    def write_and_fail() -> None:
        with store.transaction() as tx:
            tx.versions.append(version())
            tx.states.write("flights", {"n": 1}, None)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_and_fail()
    with store.reading() as tx:
        assert tx.versions.all("flights") == []
        assert tx.states.read("flights") is None


def test_the_database_is_in_write_ahead_mode_fully_synced_with_foreign_keys(sqlite_store: Store) -> None:
    with sqlite_store.transaction() as tx:
        connection = tx.versions._connection
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "recursive_triggers")
        }
    expected = {"synchronous": 2, "foreign_keys": 1, "busy_timeout": 60_000, "recursive_triggers": 1}
    assert found == {"journal_mode": "wal", **expected}


def test_reading_sees_one_snapshot_and_does_not_wait_for_a_writer(store: Store) -> None:
    with store.reading() as before:
        assert before.versions.all("flights") == []
        with store.transaction() as tx:
            tx.versions.append(version())
            with store.reading() as during:
                assert during.versions.all("flights") == []
        assert before.versions.all("flights") == []
    with store.reading() as after:
        assert after.versions.all("flights") == [version()]


def test_reading_refuses_to_write(store: Store) -> None:
    with pytest.raises(StoreFailed), store.reading() as tx:
        tx.versions.append(version())


def test_a_transaction_inside_a_transaction_is_refused_at_once(store: Store) -> None:
    with store.transaction(), pytest.raises(StateConflict, match="inside a transaction"), store.transaction():
        pass
    with store.transaction() as tx:
        tx.versions.append(version())


def test_threads_share_a_store(store: Store) -> None:
    def count_up() -> None:
        for _ in range(10):
            with store.transaction() as tx:
                revision, state = tx.states.read("flights") or (None, {"n": 0})
                tx.states.write("flights", {"n": state["n"] + 1}, revision)

    threads = [threading.Thread(target=count_up) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.reading() as tx:
        assert tx.states.read("flights") == (80, {"n": 80})


def test_a_forked_child_opens_its_own_connections(store: Store) -> None:
    with store.transaction() as tx:
        tx.versions.append(version())
    pid = os.fork()
    if pid == 0:
        try:
            with store.transaction() as tx:
                tx.versions.append(version(2))
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0
    with store.reading() as tx:
        assert [found.number for found in tx.versions.all("flights")] == [1, 2]


def test_a_full_disk_leaves_nothing_even_when_the_block_goes_on(sqlite_store: Store) -> None:
    def fill() -> None:
        with sqlite_store.transaction() as tx:
            tx.versions.append(version())
            connection = tx.versions._connection
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
            with pytest.raises(StoreFailed, match="full"):
                tx.states.write("flights", {"text": "x" * 1_000_000}, None)
            # SQLite has rolled back by itself: what came now would commit alone, so it must not come through.
            with pytest.raises(sa.exc.PendingRollbackError):
                tx.states.write("flights", {"n": 1}, None)

    with pytest.raises(StoreFailed, match="broken off"):
        fill()
    with sqlite_store.reading() as tx:
        assert tx.versions.all("flights") == []
        assert tx.states.read("flights") is None
    with sqlite_store.transaction() as tx:
        tx.versions.append(version())


def test_a_limit_on_file_sizes_tears_nothing(tmp_path: Path, start_child: StartChild) -> None:
    child = start_child("fill", tmp_path)
    assert read_line(child) == "3 1 [] [b'first']"
    assert read_line(child) == "30000 True [b'first', b'second']"


def test_a_database_held_too_long_is_a_named_failure(sqlite_store: Store) -> None:
    sqlite_store.close()
    holder = sqlite3.connect(sqlite_store.folder / "holdtrue.db", isolation_level=None)
    try:
        holder.execute("BEGIN IMMEDIATE")
        impatient = Store.open(sqlite_store.folder, busy_timeout_seconds=0.2)
        with pytest.raises(StoreFailed, match="another process has been writing"), impatient.transaction():
            pass
        impatient.close()
    finally:
        holder.close()


def test_a_file_that_is_no_database_is_a_named_failure(tmp_path: Path) -> None:
    (tmp_path / "holdtrue.db").write_bytes(b"hello " * 1000)
    with pytest.raises(StoreFailed, match="damaged"):
        Store.open(tmp_path)


def test_a_place_that_cannot_be_made_is_a_named_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreFailed, match="cannot be made"):
        Store.open(tmp_path / "file" / ".holdtrue")
    (tmp_path / "holdtrue.db").mkdir()
    with pytest.raises(StoreFailed, match="unable to open"):
        Store.open(tmp_path)


def test_a_row_that_is_there_or_names_nothing_is_refused_and_the_transaction_goes_on(store: Store) -> None:
    with store.transaction() as tx:
        with pytest.raises(NotFound):
            tx.aliases.append(crowned(7))
        tx.versions.append(version())
        with pytest.raises(StateConflict):
            tx.versions.append(version())
    with store.reading() as tx:
        assert tx.versions.all("flights") == [version()]


def test_a_row_that_breaks_a_check_is_refused(store: Store) -> None:
    with pytest.raises(StoreFailed, match="CHECK"), store.transaction() as tx:
        tx.versions.append(dataclasses.replace(version(), digest="short"))


def test_of_four_processes_that_promote_at_once_exactly_one_wins(store: Store, start_child: StartChild) -> None:
    n_rounds, owners = 15 if store.is_shared else 50, (1, 2, 3, 4)
    with store.transaction() as tx:
        for owner in owners:
            tx.versions.append(version(owner))
            tx.verdicts.append(verdict(owner))
        tx.traffic.write(traffic(1), None)
    children = [start_child("race", store.folder, owner) for owner in owners]
    assert [read_line(child) for child in children] == ["ready"] * 4
    for revision in range(1, n_rounds + 1):
        for child in children:
            tell(child, str(revision))
        assert sorted(read_line(child) for child in children) == ["lost", "lost", "lost", "won"]
    with store.reading() as tx:
        entries = tx.audit.all("flights")
        assert tx.audit.verify("flights") is None
        final = tx.traffic.read("main", "flights")
    assert final is not None
    assert final.revision == n_rounds + 1 == len(entries) + 1
    assert final.champion == int(entries[-1].actor)


def test_a_killed_writer_leaves_no_torn_state(tmp_path: Path, start_child: StartChild) -> None:
    chance = random.Random(1)
    for _ in range(4):
        child = start_child("write", tmp_path)
        assert read_line(child) == "ready"
        time.sleep(chance.uniform(0.05, 0.3))
        child.kill()
        said = [int(line) for line in child.communicate()[0].split()]
        with Store.open(tmp_path) as store, store.reading() as tx:
            _, state = tx.states.read("flights") or (0, {"n": 0})
            assert state["n"] >= (said or [0])[-1]
            assert tx.labels.count("flights") == state["n"] == len(tx.audit.all("flights"))
            assert tx.audit.verify("flights") is None


def test_moments_without_zone_are_refused(store: Store) -> None:
    from holdtrue.errors import DeclarationError

    with store.transaction() as tx, pytest.raises(DeclarationError, match="no time zone"):
        tx.versions.append(dataclasses.replace(version(), created_at=NOW.replace(tzinfo=None)))
