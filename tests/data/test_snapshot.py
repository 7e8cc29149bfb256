from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from holdtrue.data import History, load_last_snapshot, load_snapshot, read_frame, take_snapshot
from holdtrue.domain import Rule, Schema, column, table
from holdtrue.errors import NotFound, SourceError
from holdtrue.store import Store

from .conftest import START


def make_history(n_rows: int = 20) -> History:
    frame = pl.DataFrame(
        {
            "id": [f"k{row}" for row in range(n_rows)],
            "at": [START + timedelta(days=row) for row in range(n_rows)],
            "size": [None if row == 3 else float(row) for row in range(n_rows)],
            "n": list(range(n_rows)),
            "colour": [["red", "blue", "green"][row % 2 + (row > 12)] for row in range(n_rows)],
            "outcome": [["good", "bad", "ugly"][row % 3] for row in range(n_rows)],
        }
    )
    return read_frame(frame, table("x.csv", key="id", time="at", label="outcome", label_delay="36h"), source="x.csv")


def test_a_snapshot_comes_back_as_it_was(store: Store) -> None:
    history = make_history()
    as_of = history.ends_at + timedelta(days=9)
    record = take_snapshot(store, "parcels", history, as_of=as_of)
    loaded = load_snapshot(store, record.digest, "parcels")
    assert_frame_equal(loaded.frame, history.frame)
    assert (loaded.schema, loaded.task, loaded.classes) == (history.schema, history.task, ("bad", "good", "ugly"))
    assert (loaded.label, loaded.label_delay, loaded.source) == ("outcome", timedelta(hours=36), "x.csv")
    assert (record.n_rows, record.n_labelled, record.schema) == (20, 20, history.schema)


def test_the_same_rows_give_the_same_digest_whatever_table_they_were_cut_from(store: Store) -> None:
    as_of = START + timedelta(days=9)
    short = take_snapshot(store, "parcels", make_history(14).known_at(as_of), as_of=as_of)
    long = take_snapshot(store, "parcels", make_history(20), as_of=as_of)
    assert short.digest == long.digest
    with store.reading() as reading:
        assert len(reading.datasets.all("parcels")) == 1


def test_a_snapshot_holds_only_what_was_known_at_its_moment(store: Store) -> None:
    as_of = START + timedelta(days=9)
    record = take_snapshot(store, "parcels", make_history(), as_of=as_of)
    assert (record.n_rows, record.n_labelled) == (10, 8)
    assert record.schema.column("colour").levels == ("blue", "red")
    assert load_snapshot(store, record, "parcels").n_rows == 10


def test_a_snapshot_of_nothing_is_refused(store: Store) -> None:
    with pytest.raises(SourceError, match="no row is known at 2023"):
        take_snapshot(store, "parcels", make_history(), as_of=START - timedelta(days=1))


def test_a_snapshot_that_nobody_took_is_not_found(store: Store) -> None:
    with pytest.raises(NotFound):
        load_snapshot(store, "0" * 64, "parcels")


def test_a_snapshot_keeps_what_was_declared_and_only_then(store: Store) -> None:
    history = make_history()
    schema = Schema((column("size", "number", low=0, unit="kg"),), rules=(Rule(name="r", text="n >= 0"),), min_rows=2)
    declared = replace(history, declared=schema)
    record = take_snapshot(store, "parcels", declared, as_of=history.ends_at)
    loaded = load_snapshot(store, record, "parcels")
    assert loaded.declared == schema
    assert loaded.schema == declared.schema == record.schema
    assert loaded.dataset().schema.column("size").unit == "kg"
    plain = take_snapshot(store, "parcels", history, as_of=history.ends_at)
    assert plain.digest != record.digest
    assert load_snapshot(store, plain, "parcels").declared is None
    with store.reading() as tx:
        assert tx.datasets.read("parcels", record.digest).schema == record.schema


def test_the_last_snapshot_is_the_one_that_reaches_furthest_whatever_was_taken_later(store: Store) -> None:
    history = make_history()
    take_snapshot(store, "parcels", history, as_of=history.ends_at)
    take_snapshot(store, "parcels", history, as_of=START + timedelta(days=5))  # as a backfill takes it
    found = load_last_snapshot(store, "parcels")
    assert found is not None
    assert found.ends_at == history.known_at(history.ends_at).ends_at
    assert load_last_snapshot(store, "others") is None
