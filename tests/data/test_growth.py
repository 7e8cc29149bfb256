from dataclasses import replace
from datetime import timedelta

import polars as pl

from holdtrue.data import (
    History,
    extend_history,
    latest_labels,
    read_frame,
    read_predictions,
    read_snapshot,
    record_labels,
    write_snapshot,
)
from holdtrue.data.row_digest import digest_rows
from holdtrue.domain import BROKEN_ROW, Role, Rule, Schema, column, table
from holdtrue.store import Store

from .conftest import START, make_label, make_prediction, write_log


def make_history() -> History:
    frame = pl.DataFrame(
        {
            "id": ["1", "2", "3"],
            "at": [START + timedelta(days=day) for day in (0, 1, 4)],
            "size": [1, 2, 3],
            "colour": ["red", "red", "blue"],
            "late": [True, False, None],
        }
    )
    return read_frame(frame, table("x.csv", key="id", time="at", label="late", label_delay="1d"))


def extend(store: Store, history: History, *, days: float = 30) -> History:
    log = read_predictions(store, "parcels")
    return extend_history(history, log, latest_labels(store, "parcels", as_of=START + timedelta(days=days)))


def test_a_table_without_a_log_stays_as_it_is(store: Store) -> None:
    history = make_history()
    assert extend(store, history).frame.equals(history.frame)


def test_the_log_adds_its_rows_in_order_of_time_with_their_labels(store: Store) -> None:
    write_log(store, [make_prediction("p", "9", 2, features={"size": 7, "colour": "green"})])
    record_labels(store, [make_label(1, 3.5, key="9")])
    grown = extend(store, make_history())
    assert grown.frame["__key"].to_list() == ["1", "2", "9", "3"]
    assert grown.encoded_labels().tolist() == [1, 0, 1, -1]
    assert grown.frame["__label_time"][2] == START + timedelta(days=3.5)
    assert grown.schema.column("colour").levels == ("blue", "green", "red")
    assert "1 rows of the prediction log were added" in grown.notes[-1]


def test_the_row_of_the_table_wins_and_a_label_that_came_fills_it(store: Store) -> None:
    write_log(store, [make_prediction("p", "3", 4, features={"size": 99, "colour": "red"})])
    record_labels(store, [make_label(True, 5, key="3"), make_label(False, 5, key="1")])
    grown = extend(store, make_history())
    assert grown.frame["size"].to_list() == [1, 2, 3]
    assert grown.encoded_labels().tolist() == [1, 0, 1]


def test_shadows_and_second_answers_add_nothing(store: Store) -> None:
    write_log(
        store,
        [
            make_prediction("p", "9", 2, features={"size": 1}),
            make_prediction("p", "9", 2, version=2, role=Role.SHADOW),
            make_prediction("q", "9", 3, features={"size": 2}),
        ],
    )
    grown = extend(store, make_history())
    assert grown.n_rows == 4
    assert grown.frame.filter(pl.col("__key") == "9").select("size", "colour").rows() == [(1, None)]


def test_a_row_that_a_fallback_answered_is_learned_from_unless_it_broke_the_schema(store: Store) -> None:
    write_log(
        store,
        [
            make_prediction("p", "8", 2, features={"size": 1}, fallback="constant: v1 failed: the beast"),
            make_prediction("q", "9", 2, features={"size": 1}, fallback=f"constant: {BROKEN_ROW}: 'size' is null"),
        ],
    )
    assert extend(store, make_history()).frame["__key"].to_list() == ["1", "2", "8", "3"]


def test_a_label_that_is_no_class_is_left_out_and_said(store: Store) -> None:
    record_labels(store, [make_label("purple", 5, key="3")])
    grown = extend(store, make_history())
    assert grown.encoded_labels().tolist() == [1, 0, -1]
    assert "none of the label's values" in grown.notes[-1]


def test_a_grown_history_still_forgets_what_was_not_known(store: Store) -> None:
    write_log(store, [make_prediction("p", "9", 2, features={"size": 7})])
    record_labels(store, [make_label(True, 8, key="9")])
    known = extend(store, make_history()).known_at(START + timedelta(days=5))
    assert known.encoded_labels().tolist() == [1, 0, -1, -1]


def test_rows_of_the_log_that_break_a_younger_schema_are_left_out_and_counted(store: Store) -> None:
    write_log(
        store,
        [
            make_prediction("p", "8", 2, features={"size": -7, "colour": "red"}),
            make_prediction("q", "9", 2, features={"size": 7, "colour": None}),
        ],
    )
    assert extend(store, make_history()).n_rows == 5
    schema = Schema((column("size", "integer", low=0), column("late", "boolean")), rules=(Rule(name="r", text="late"),))
    grown = extend(store, replace(make_history(), declared=schema))
    assert grown.frame["__key"].to_list() == ["1", "2", "9", "3"]
    assert "1 rows of the prediction log break the schema and were left out" in grown.notes


def test_rows_that_the_loop_has_answered_carry_their_propensity_whichever_side_holds_them(store: Store) -> None:
    shadow = make_prediction("s", "1", 0, role=Role.SHADOW, probability=0.0)
    write_log(store, [make_prediction("q", "2", 1, probability=0.25), shadow, make_prediction("p", "9", 2)])
    record_labels(store, [make_label(1, 3.5, key="9")])
    grown = extend(store, make_history()).dataset()
    assert grown.key.to_list() == ["1", "2", "9"]
    assert grown.propensity is not None
    assert grown.propensity.to_list() == [None, 0.25, 1.0]
    assert grown.is_influenced.to_list() == [False, True, True]
    assert grown.tail(0.3).is_influenced.to_list() == [True]
    assert "__propensity" not in grown.features.columns
    # A training may weigh by it, so it is part of what a cached fit is found by.
    assert digest_rows(grown) != digest_rows(replace(grown, propensity=None))
    odd = replace(grown, features=grown.features.with_columns(grown.label.alias("$label")))
    assert digest_rows(odd) != digest_rows(grown), "a feature may be called as a part of the rows is"
    assert make_history().dataset().is_influenced.to_list() == [False, False]


def test_the_source_of_a_row_is_kept_and_is_no_feature(store: Store) -> None:
    frame = make_history().frame.select(id="__key", at="__time", size="size", late="__label", feed=pl.lit("A"))
    declared = table("x.csv", key="id", time="at", label="late", label_delay="1d", source="feed")
    history = read_frame(frame, declared)
    assert history.feature_names == ("size",)
    write_log(store, [make_prediction("p", "9", 2)])
    record_labels(store, [make_label(1, 3.5, key="9")])
    grown = extend(store, history)
    assert grown.frame["__source"].to_list() == ["A", "A", None, "A"]
    assert read_snapshot(write_snapshot(grown)).frame.equals(grown.frame)
