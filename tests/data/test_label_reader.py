"""Labels that are looked at again and again: what is new is added, and the answer is that of a first look."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdtrue.data import LabelReader, latest_labels, record_labels
from holdtrue.domain import LabelFact, LabelValue
from holdtrue.store import Store

from .conftest import START, make_label, make_prediction, write_log

LOOP = "parcels"
VALUES = st.sampled_from([True, False, 0, 1, 1.0, 2.5, "1", "a", 'b,"]é'])


@st.composite
def draw_facts(draw: st.DrawFn) -> LabelFact:
    """A label that was known on one of four days and received on one of four, for a key or for a prediction."""
    name = draw(st.sampled_from(["k1", "k2", "k3", "p1", "p2", "nobody"]))
    named = {"key": name} if name.startswith("k") else {"prediction_id": name}
    at, received_at = draw(st.integers(0, 3)), draw(st.integers(0, 3))
    fact = make_label(draw(VALUES), at, **named)
    return LabelFact(
        loop=LOOP, label=fact.label, at=fact.at, received_at=START.timestamp() + received_at,
        key=fact.key, prediction_id=fact.prediction_id,
    )  # fmt: skip


def resolve_plainly(
    facts: Sequence[LabelFact], keys: dict[str, str], as_of: datetime
) -> list[tuple[str, LabelValue, float]]:
    """What counts, one fact after the other, as the docstring of the reader says it."""
    latest: dict[str, LabelFact] = {}
    for fact in facts:
        key = fact.key or keys.get(fact.prediction_id or "")
        is_known = key is not None and fact.at <= as_of.timestamp()
        if is_known and (key not in latest or latest[key].label != fact.label):
            latest[key] = fact
    return [(key, fact.label, fact.at) for key, fact in latest.items()]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(draw_facts(), max_size=6), min_size=1, max_size=3), day=st.integers(0, 4))
def test_looks_in_between_change_nothing_of_what_counts(store: Store, batches: list[list[LabelFact]], day: int) -> None:
    keys, as_of, loop = {"p1": "k1", "p2": "k9"}, START + timedelta(days=day), uuid.uuid4().hex
    log = pl.DataFrame({"prediction_id": list(keys), "key": list(keys.values())})
    reader = LabelReader(store, loop)
    for batch in batches:
        record_labels(store, [msgspec.structs.replace(fact, loop=loop) for fact in batch])
        reader.read(as_of=START + timedelta(days=4 - day), predictions=log)
        found = reader.read(as_of=as_of, predictions=log)
    with store.reading() as tx:
        expected = resolve_plainly(tx.labels.all(loop), keys, as_of)
    assert found.equals(latest_labels(store, loop, as_of=as_of, predictions=log))
    assert found["key"].to_list() == [key for key, _, _ in expected]
    assert [moment.timestamp() for moment in found["known_at"]] == [at for _, _, at in expected]
    told = [label for _, label, _ in expected]
    if len({type(label) for label in told}) == 1:  # of several kinds they are written as one
        assert found["label"].to_list() == told


def test_a_label_that_was_erased_is_gone_at_the_next_look(store: Store) -> None:
    reader = LabelReader(store, LOOP)
    record_labels(store, [make_label(True, 1, key="1"), make_label(False, 2, key="2")])
    as_of = START + timedelta(days=9)
    assert reader.read(as_of=as_of)["key"].to_list() == ["1", "2"]
    with store.transaction() as tx:
        tx.labels.erase(LOOP, "2")
    # As many as before, but not the same.
    record_labels(store, [make_label(True, 3, key="3")])
    assert reader.read(as_of=as_of)["key"].to_list() == ["1", "3"]


def test_an_earlier_moment_is_told_from_what_is_held(store: Store) -> None:
    reader = LabelReader(store, LOOP)
    record_labels(store, [make_label(True, 1, key="1"), make_label(False, 2, key="1"), make_label(True, 3, key="2")])
    seen = [reader.read(as_of=START + timedelta(days=day)).select("key", "label").rows() for day in (5, 1.5, 0.5, 2.5)]
    assert seen == [[("1", False), ("2", True)], [("1", True)], [], [("1", False)]]


def test_a_prediction_that_was_logged_after_its_label_is_found_then(store: Store) -> None:
    reader, as_of = LabelReader(store, LOOP), START + timedelta(days=3)
    record_labels(store, [make_label(True, 1, prediction_id="p1")])
    assert reader.read(as_of=as_of).height == 0
    write_log(store, [make_prediction("p1", "1", 0)])
    assert reader.read(as_of=as_of)["key"].to_list() == ["1"]
