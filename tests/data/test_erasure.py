import msgspec
import pytest

from data.conftest import make_label, write_log
from data.log.logs import ids, predict, write
from holdtrue.data import PredictionReader, collect_labels, compact_log, erase_key, read_log_profiles, record_labels
from holdtrue.domain import Role
from holdtrue.store import SegmentWriter, Store, read_manifest, read_segments


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / ".holdtrue") as opened:
        yield opened


def content(folder):
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.suffix in {".seg", ".parquet", ".profiles"})


def test_all_rows_of_a_key_go_from_parquet_closed_and_open_segments(store):
    log = store.folder / "log" / "parcels"
    rows = [predict(n, key="Erna-Muster" if n % 3 == 0 else f"k{n}") for n in range(9)]
    write(log, rows[:3])
    compact_log(log)
    write(log, rows[3:6], name="w1-2-b")
    writer = SegmentWriter.open(log, "w2-3-c")
    writer.append([msgspec.json.encode(each) for each in rows[6:]])
    reader = PredictionReader(log)
    assert reader.read().height == 9
    assert erase_key(store, "parcels", "Erna-Muster").n_rows == 3
    left = [f"p{n}" for n in range(9) if n % 3]
    assert ids(log) == left
    assert reader.read()["prediction_id"].to_list() == left
    assert b"Erna-Muster" not in content(log)
    assert sum(day.profile.n_rows for day in read_log_profiles(log)) == 2
    writer.append([msgspec.json.encode(predict(20))])
    writer.close()
    assert len(list(read_segments(log))) == 3 + 3 + 1
    compact_log(log)
    assert ids(log) == [*left, "p20"]
    assert read_manifest(log).n_erased == 3


def test_shadows_and_labels_of_the_key_go_too(store):
    write_log(store, [])
    log = store.folder / "log" / "parcels"
    write(log, [predict(1), predict(1, version=2, role=Role.SHADOW), predict(2)])
    labels = SegmentWriter.open(store.folder / "labels", "w0")
    labels.append([msgspec.json.encode(make_label(True, 1, key="k1")), msgspec.json.encode(make_label(7, 1, key="k2"))])
    labels.close()
    record_labels(store, [make_label(False, 2, prediction_id="p1")])
    done = erase_key(store, "parcels", "k1")
    assert (done.n_rows, done.n_labels) == (2, 2)
    with store.reading() as reading:
        assert [fact.key for fact in reading.labels.all("parcels")] == ["k2"]
    assert b'"k1"' not in content(store.folder / "labels")
    assert collect_labels(store) == 0


def test_a_part_whose_rows_are_all_erased_goes(store):
    log = store.folder / "log" / "parcels"
    write(log, [predict(1)])
    compact_log(log)
    assert erase_key(store, "parcels", "k1").n_rows == 1
    assert read_manifest(log).parts == ()
    assert list(log.glob("*.parquet")) == []
    assert erase_key(store, "parcels", "k1").n_rows == 0


def test_a_hole_whose_bytes_a_kill_left_is_filled_by_the_next_order(store, monkeypatch):
    log = store.folder / "log" / "parcels"
    write(log, [predict(1), predict(2)])
    with monkeypatch.context() as patched:

        def die(*_):
            raise KeyboardInterrupt

        patched.setattr("holdtrue.data.erasure.erase_frame", die)
        with pytest.raises(KeyboardInterrupt):
            erase_key(store, "parcels", "k1")
    assert ids(log) == ["p2"]
    assert b'"k1"' in content(log)
    erase_key(store, "parcels", "k1")
    assert b'"k1"' not in content(log)
    assert ids(log) == ["p2"]


def test_erasing_in_a_loop_without_a_log_finds_nothing(store):
    assert erase_key(store, "nobody", "k").n_rows == 0
