from pathlib import Path

import polars as pl
import pytest

from data.conftest import START
from holdtrue.data import label_file as module
from holdtrue.data import latest_labels, read_label_file, record_label_file
from holdtrue.errors import LabelError
from holdtrue.store import Store


def take(store: Store, folder: Path, text: str) -> tuple[int, int, int]:
    (folder / "labels.csv").write_text(text)
    done = record_label_file(store, "parcels", read_label_file(folder / "labels.csv"))
    return done.n_rows, done.n_new, done.n_changed


def read(store: Store) -> dict[str, object]:
    labels = latest_labels(store, "parcels", as_of=START.replace(year=2090))
    return dict(labels.select("key", "label").iter_rows())


def history(store: Store) -> list[object]:
    with store.reading() as reading:
        return [fact.label for fact in reading.labels.all("parcels")]


def test_a_label_that_is_sent_twice_counts_once(store: Store, tmp_path: Path) -> None:
    for moment in ("", ",2024-01-05T00:00:00Z"):
        text = f"key,label{',at' if moment else ''}\n007,true{moment}\n8,false{moment}\n"
        assert take(store, tmp_path, text)[1] == 2
        assert take(store, tmp_path, text) == (2, 0, 0)
    assert read(store) == {"007": True, "8": False}


def test_the_last_of_several_labels_counts_and_the_others_are_history(store: Store, tmp_path: Path) -> None:
    assert take(store, tmp_path, "key,label\na,1\nb,1\n") == (2, 2, 0)
    assert take(store, tmp_path, "key,label\na,2\nb,1\n") == (2, 1, 1)
    assert take(store, tmp_path, "key,label\na,1\n") == (1, 1, 1)
    assert read(store) == {"a": 1, "b": 1}
    assert history(store) == [1, 1, 2, 1]


def test_a_label_that_changes_within_a_file_and_back_is_what_its_last_row_says(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH_ROWS", 2)
    at = "2024-01-05T00:00:00Z"
    text = f"key,label,at\na,1,{at}\na,2,{at}\na,1,{at}\na,1,{at}\nb,5,{at}\n"
    assert take(store, tmp_path, text) == (5, 4, 2)
    assert read(store) == {"a": 1, "b": 5}


def test_labels_may_name_predictions_in_parquet(store: Store, tmp_path: Path) -> None:
    pl.DataFrame({"prediction_id": ["p1"], "label": [2.5]}).write_parquet(tmp_path / "labels.parquet")
    table = read_label_file(tmp_path / "labels.parquet")
    assert record_label_file(store, "parcels", table).n_new == 1
    assert record_label_file(store, "parcels", table).n_new == 0


def test_progress_is_told(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH_ROWS", 2)
    (tmp_path / "labels.csv").write_text("key,label\n" + "".join(f"k{n},{n}\n" for n in range(5)))
    told: list[tuple[int, int]] = []
    record_label_file(
        store, "parcels", read_label_file(tmp_path / "labels.csv"), on_progress=lambda *each: told.append(each)
    )
    assert told == [(2, 5), (4, 5), (5, 5)]


def test_rows_that_cannot_be_used_are_named_and_nothing_is_taken(store: Store, tmp_path: Path) -> None:
    rows = ["key,prediction_id,label,at", "a,,1,2024-01-05T00:00:00Z", "b,,,2024-01-05T00:00:00Z"]
    rows += [",,1,2024-01-05T00:00:00Z", "c,p,1,yesterday", "d,,1,2024-01-05T00:00:00"]
    with pytest.raises(LabelError) as caught:
        take(store, tmp_path, "\n".join(rows) + "\n")
    told = str(caught.value)
    assert "5 of 5 labels cannot be used" in told
    for part in ("row 2: the label is empty", "row 3: neither", "row 4: both", "row 4: at is 'yesterday'", "row 5: at"):
        assert part in told
    assert history(store) == []


def test_of_many_bad_rows_the_first_are_named(store: Store, tmp_path: Path) -> None:
    pl.DataFrame({"key": ["k"] * 40, "label": [float("inf")] * 40}).write_parquet(tmp_path / "labels.parquet")
    with pytest.raises(LabelError, match=r"40 of 40.*row 10: the label is not finite; and 30 more"):
        read_label_file(tmp_path / "labels.parquet")
