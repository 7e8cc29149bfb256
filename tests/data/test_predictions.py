from datetime import timedelta

import msgspec
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdtrue.data import PredictionReader, read_predictions
from holdtrue.domain import Prediction, Role
from holdtrue.errors import StoreFailed
from holdtrue.store import SegmentWriter, Store

from .conftest import START, make_prediction, write_log


def test_a_log_that_is_not_there_is_empty_with_all_columns(store: Store) -> None:
    frame = read_predictions(store, "parcels")
    assert frame.height == 0
    assert {"key", "time", "features", "is_first"} <= set(frame.columns)


def test_rows_of_several_workers_come_in_the_order_of_receipt(store: Store) -> None:
    write_log(store, [make_prediction("b", "2", 2), make_prediction("d", "4", 4)], name="worker-0")
    write_log(store, [make_prediction("a", "1", 1), make_prediction("c", "3", 3)], name="worker-1")
    frame = read_predictions(store, "parcels")
    assert frame["prediction_id"].to_list() == ["a", "b", "c", "d"]
    assert frame["time"][0] == START + timedelta(days=1)
    assert frame["answer"][0].to_list() == [0.25, 0.75]


def test_the_first_answer_of_a_key_is_the_one_judged_and_so_is_its_shadow(store: Store) -> None:
    write_log(
        store,
        [
            make_prediction("a", "1", 1, version=2, role=Role.SHADOW, received_at=START.timestamp()),
            make_prediction("a", "1", 1),
            make_prediction("b", "1", 2),
            make_prediction("b", "1", 2, version=2, role=Role.SHADOW),
        ],
    )
    frame = read_predictions(store, "parcels")
    assert frame.filter("is_first").select("prediction_id", "role").rows() == [("a", "shadow"), ("a", "champion")]


def test_a_later_window_still_knows_which_answer_was_first(store: Store) -> None:
    write_log(store, [make_prediction("a", "1", 1), make_prediction("b", "1", 5)])
    frame = read_predictions(store, "parcels", since=START + timedelta(days=3))
    assert frame.select("prediction_id", "is_first").rows() == [("b", False)]


def test_a_row_that_was_written_twice_counts_once(store: Store) -> None:
    write_log(store, [make_prediction("a", "1", 1), make_prediction("a", "1", 1)])
    assert read_predictions(store, "parcels").height == 1


def test_feature_values_of_several_kinds_find_one_column(store: Store) -> None:
    write_log(store, [make_prediction("a", "1", 1, features={"size": 1, "ok": True})])
    write_log(store, [make_prediction("b", "2", 2, features={"size": 2.5, "colour": "red"})])
    features = read_predictions(store, "parcels")["features"].struct.unnest()
    assert features.to_dicts() == [
        {"size": 1.0, "ok": True, "colour": None},
        {"size": 2.5, "ok": None, "colour": "red"},
    ]


def test_predictions_without_any_feature_are_read(store: Store) -> None:
    write_log(store, [make_prediction("a", "1", 1, features={})])
    assert read_predictions(store, "parcels").height == 1


def test_a_reader_reads_only_what_is_new(store: Store) -> None:
    reader = PredictionReader(store.folder / "log" / "parcels")
    assert reader.read().height == 0
    write_log(store, [make_prediction("a", "1", 1)])
    assert reader.read().height == 1
    write_log(store, [make_prediction("b", "2", 2, features={"size": 2, "colour": None})])
    frame = reader.read()
    assert frame["key"].to_list() == ["1", "2"]
    assert frame["features"].struct.unnest()["colour"].to_list() == ["red", None]
    assert reader.read().equals(frame)


def test_a_frame_that_is_no_prediction_is_named(store: Store) -> None:
    writer = SegmentWriter.open(store.folder / "log" / "parcels", "worker-0")
    writer.append([b'{"not": "a prediction"}'])
    writer.close()
    with pytest.raises(StoreFailed, match=r"worker-0-0000000001\.seg holds a prediction that cannot be read"):
        read_predictions(store, "parcels")


def test_times_keep_their_microseconds(store: Store) -> None:
    write_log(store, [make_prediction("a", "1", 0, time=START.timestamp() + 0.123456)])
    assert read_predictions(store, "parcels")["time"].dtype == pl.Datetime("us", "UTC")
    assert read_predictions(store, "parcels")["time"][0] == START + timedelta(microseconds=123456)


def test_an_answer_that_a_test_forced_counts_for_nothing(store: Store) -> None:
    write_log(
        store,
        [
            make_prediction("a", "1", 1, version=2, role=Role.FORCED, received_at=START.timestamp()),
            make_prediction("b", "1", 2),
        ],
    )
    frame = read_predictions(store, "parcels")
    assert frame.select("prediction_id", "is_first").rows() == [("b", True)]
    whole = PredictionReader(store.folder / "log" / "parcels", with_forced=True).read()
    assert whole.select("prediction_id", "role").rows() == [("a", "forced"), ("b", "champion")]


@st.composite
def draw_rows(draw: st.DrawFn) -> Prediction:
    """An answer, a shadow's or a forced one, of a few keys and ids, at one of a few moments of receipt."""
    name = draw(st.sampled_from("abcdef"))
    features = draw(st.sampled_from([{"size": 1.0}, {"size": None}, {"size": 2}, {"size": 1.0, "colour": "red"}]))
    role = draw(st.sampled_from([Role.CHAMPION, Role.CHAMPION, Role.SHADOW, Role.FORCED]))
    received_at = START.timestamp() + draw(st.integers(0, 8))
    return make_prediction(name, name if name < "d" else "z", 0, role=role, features=features, received_at=received_at)


@settings(max_examples=40, deadline=None)
@given(
    batches=st.lists(st.lists(draw_rows(), min_size=1, max_size=5), min_size=1, max_size=4), is_ordered=st.booleans()
)
def test_looks_in_between_change_nothing_of_what_is_read(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[Prediction]], is_ordered: bool
) -> None:
    folder = tmp_path_factory.mktemp("log")
    reader = PredictionReader(folder)
    for place, batch in enumerate(batches):
        later = 100.0 * place if is_ordered else 0.0
        rows = [msgspec.structs.replace(row, received_at=row.received_at + later) for row in batch]
        writer = SegmentWriter.open(folder, f"worker-{place}")
        writer.append([msgspec.json.encode(row) for row in rows])
        writer.close()
        assert reader.read().equals(PredictionReader(folder).read())


def test_what_is_new_is_added_and_the_rest_is_not_copied(store: Store) -> None:
    reader = PredictionReader(store.folder / "log" / "parcels")
    write_log(store, [make_prediction("a", "1", 0), make_prediction("b", "2", 1)], name="worker-0")
    assert reader.read().n_chunks() == 1
    write_log(store, [make_prediction("c", "2", 2), make_prediction("d", "3", 3)], name="worker-1")
    after = reader.read()
    assert after.select("prediction_id", "is_first").rows() == [("a", True), ("b", True), ("c", False), ("d", True)]
    assert after.n_chunks() == 2
