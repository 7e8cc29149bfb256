from datetime import timedelta

import msgspec
import pytest

from holdtrue.data import collect_labels, join_labels, latest_labels, read_predictions, record_labels
from holdtrue.domain import LabelFact
from holdtrue.errors import LabelError
from holdtrue.store import SegmentWriter, Store

from .conftest import START, make_label, make_prediction, write_log


def write_labels(store: Store, facts: list[LabelFact]) -> None:
    writer = SegmentWriter.open(store.folder / "labels", "worker-0", power_safe=True)
    writer.append([msgspec.json.encode(fact) for fact in facts])
    writer.close()


def test_labels_of_servers_are_taken_in_once(store: Store) -> None:
    assert collect_labels(store) == 0
    write_labels(store, [make_label(True, 1, key="1"), make_label(False, 2, key="2")])
    assert collect_labels(store) == 2
    assert collect_labels(store) == 0
    write_labels(store, [make_label(True, 3, key="3")])
    assert collect_labels(store) == 1


def test_the_last_label_received_for_a_key_counts_and_earlier_ones_are_kept(store: Store) -> None:
    record_labels(store, [make_label(True, 1, key="1"), make_label(False, 2, key="1")])
    assert latest_labels(store, "parcels", as_of=START + timedelta(days=3))["label"].to_list() == [False]
    early = latest_labels(store, "parcels", as_of=START + timedelta(days=1.5))
    assert early.rows() == [("1", True, START + timedelta(days=1))]


def test_a_label_that_is_sent_again_is_known_since_it_was_first_said(store: Store) -> None:
    said = [(True, 1), (False, 2), (False, 3), (True, 4), (True, 5)]
    record_labels(store, [make_label(value, day, key="1") for value, day in said])
    record_labels(store, [make_label(True, 1, prediction_id="p2"), make_label(True, 3, key="2")])
    write_log(store, [make_prediction("p2", "2", 0)])
    seen = {day: latest_labels(store, "parcels", as_of=START + timedelta(days=day)) for day in (3.5, 6)}
    # A changed label is known from the change on, also where it says what was said before the one in between.
    assert seen[3.5].row(0) == ("1", False, START + timedelta(days=2))
    assert seen[6].row(0) == ("1", True, START + timedelta(days=4))
    assert seen[6].row(1) == ("2", True, START + timedelta(days=1))


def test_a_label_for_a_prediction_finds_the_key_of_its_event(store: Store) -> None:
    write_log(store, [make_prediction("p1", "1", 0), make_prediction("p2", "2", 0)])
    record_labels(store, [make_label(True, 1, prediction_id="p2"), make_label(True, 1, prediction_id="nobody")])
    assert latest_labels(store, "parcels", as_of=START + timedelta(days=3))["key"].to_list() == ["2"]


def test_labels_that_nobody_sent_are_an_empty_frame(store: Store) -> None:
    labels = latest_labels(store, "parcels", as_of=START)
    assert labels.columns == ["key", "label", "known_at"]
    write_log(store, [make_prediction("p1", "1", 0)])
    joined = join_labels(
        read_predictions(store, "parcels"), labels, label_delay=timedelta(days=1), as_of=START + timedelta(days=2)
    )
    assert joined.select("is_due", "is_labelled").rows() == [(True, False)]


@pytest.mark.parametrize("names", [{}, {"key": "1", "prediction_id": "p"}])
def test_a_label_must_name_one_thing_and_else_none_is_kept(store: Store, names: dict[str, str]) -> None:
    with pytest.raises(LabelError, match="label 2 names"):
        record_labels(store, [make_label(1, 1, key="1"), make_label(1, 1, **names)])
    with store.reading() as reading:
        assert reading.labels.count("parcels") == 0


def test_a_label_that_is_no_number_is_refused(store: Store) -> None:
    with pytest.raises(LabelError, match="finite"):
        record_labels(store, [make_label(float("nan"), 1, key="1")])


def test_a_row_is_due_by_the_clock_and_not_when_its_label_comes(store: Store) -> None:
    write_log(store, [make_prediction("a", "1", 0), make_prediction("b", "2", 1), make_prediction("c", "3", 2)])
    record_labels(store, [make_label(True, 0.1, key="3"), make_label(False, 2.5, key="1")])
    as_of = START + timedelta(days=2)
    joined = join_labels(
        read_predictions(store, "parcels"),
        latest_labels(store, "parcels", as_of=START + timedelta(days=9)),
        label_delay=timedelta(days=1),
        as_of=as_of,
    )
    # 1: due, its label came too late to be known; 2: due at this very moment; 3: labelled early, not due yet.
    assert joined["is_due"].to_list() == [True, True, False]
    assert joined["is_labelled"].to_list() == [False, False, True]
    assert joined["label"].to_list() == [None, None, True]
    assert joined["due_at"][0] == START + timedelta(days=1)
