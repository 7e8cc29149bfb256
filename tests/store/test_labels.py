import time

import pytest

from holdtrue.domain import LabelFact
from holdtrue.errors import StatisticsError, StoreFailed
from holdtrue.store import Store


def fact(
    key: str | None = "k1",
    label: bool | float | str = True,
    *,
    received_at: float = 1.0,
    prediction_id: str | None = None,
) -> LabelFact:
    return LabelFact(loop="flights", label=label, at=0.5, received_at=received_at, key=key, prediction_id=prediction_id)


def test_labels_keep_their_type_and_come_back_in_order_of_receipt(store: Store) -> None:
    facts = [
        fact(label=label, received_at=float(n)) for n, label in enumerate([True, False, 1, 0, 1.5, "ü", "true", ""])
    ]
    with store.transaction() as tx:
        assert tx.labels.append(facts[4:]) == 4
        assert tx.labels.append(facts[:4]) == 4
        found = tx.labels.all("flights")
    assert found == facts
    assert [type(each.label) for each in found] == [type(each.label) for each in facts]


def test_exact_duplicates_are_kept_once_and_corrections_all(store: Store) -> None:
    first, second, third = (fact(label=label, received_at=n) for label, n in ((True, 1.0), (False, 2.0), (True, 3.0)))
    with store.transaction() as tx:
        assert tx.labels.append([first, second, first]) == 2
        assert tx.labels.append([second, third]) == 1
        assert tx.labels.append([]) == 0
        assert tx.labels.count("flights") == 3
        assert tx.labels.all("flights")[-1].label is True
        assert tx.labels.count("other") == 0


def test_a_key_and_a_prediction_id_are_told_apart(store: Store) -> None:
    facts = [fact("a"), fact(None, prediction_id="a"), fact(""), fact("a", prediction_id="")]
    with store.transaction() as tx:
        assert tx.labels.append(facts) == 4
        assert tx.labels.append(facts) == 0
        assert tx.labels.all("flights") == facts


def test_a_label_that_cannot_be_kept_keeps_the_others_out_too(store: Store) -> None:
    with store.transaction() as tx:
        with pytest.raises(StatisticsError):
            tx.labels.append([fact(), fact(label=float("nan"))])
        assert tx.labels.count("flights") == 0
    with pytest.raises(StoreFailed), store.transaction() as tx:
        tx.labels.append([fact(), fact(None)])
    with store.reading() as tx:
        assert tx.labels.count("flights") == 0


def test_labels_of_a_key_can_be_erased(store: Store) -> None:
    with store.transaction() as tx:
        tx.labels.append([fact("a"), fact("b"), fact(None, prediction_id="p1"), fact(None, prediction_id="p2")])
        assert tx.labels.erase("flights", "a", prediction_ids=["p1"]) == 2
        assert [each.key or each.prediction_id for each in tx.labels.all("flights")] == ["b", "p2"]


def test_offsets_are_remembered_by_name(store: Store) -> None:
    with store.transaction() as tx:
        assert tx.labels.offset("a.seg") == 0
        tx.labels.set_offset("a.seg", 10)
        tx.labels.set_offset("a.seg", 20)
        tx.labels.set_offset("b.seg", 5)
        assert tx.labels.offset("a.seg") == 20
        assert tx.labels.offsets() == {"a.seg": 20, "b.seg": 5}


def test_many_labels_are_kept_within_seconds(store: Store) -> None:
    n_facts = 10_000 if store.is_shared else 50_000
    facts = [fact(f"flight {n}", n % 3 == 0, received_at=float(n)) for n in range(n_facts)]
    began = time.process_time()
    with store.transaction() as tx:
        assert tx.labels.append(facts) == n_facts
    assert time.process_time() - began < 5  # of this process alone: a busy machine does not count
    with store.reading() as tx:
        assert tx.labels.all("flights")[-1] == facts[-1]
