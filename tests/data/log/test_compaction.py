from datetime import UTC, datetime

import msgspec
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from data.log.logs import DAY, START, ids, predict, read, write
from holdtrue.data import PredictionReader, compact_log, read_log_rows, read_writer_ids
from holdtrue.domain import Role
from holdtrue.errors import StateConflict
from holdtrue.store import SegmentWriter, lock_log, read_manifest


def files(folder, ending):
    return sorted(path.name for path in folder.glob(f"*{ending}"))


def test_closed_segments_become_one_parquet_file_with_typed_columns(tmp_path):
    write(tmp_path, [predict(n) for n in range(100)])
    before = read(tmp_path)
    done = compact_log(tmp_path)
    assert (done.n_segments, done.n_rows, done.problems) == (1, 100, ())
    assert files(tmp_path, ".seg") == []
    (name,) = files(tmp_path, ".parquet")
    schema = pl.read_parquet_schema(tmp_path / name)
    kinds = {"features.size": pl.Float64, "features.count": pl.Int64, "features.colour": pl.String}
    assert {each: schema[each] for each in kinds} == kinds
    assert_frame_equal(read(tmp_path), before)


def test_each_day_of_receipt_has_a_file_of_its_own(tmp_path):
    write(tmp_path, [predict(n, received_at=START + n * DAY / 2) for n in range(6)])
    compact_log(tmp_path)
    assert [name[:10] for name in files(tmp_path, ".parquet")] == ["2024-01-01", "2024-01-02", "2024-01-03"]
    assert [part.n_rows for part in read_manifest(tmp_path).parts] == [2, 2, 2]


def test_an_open_segment_stays_as_it_is_until_its_writer_lets_go(tmp_path):
    writer = SegmentWriter.open(tmp_path, "w0-1-a")
    write(tmp_path, [predict(1)], name="w1-2-b")
    writer.append([msgspec.json.encode(predict(2))])
    assert compact_log(tmp_path).n_segments == 1
    assert ids(tmp_path) == ["p1", "p2"]
    writer.close()
    assert compact_log(tmp_path).n_segments == 1
    assert ids(tmp_path) == ["p1", "p2"]
    assert files(tmp_path, ".seg") == []


def test_a_reader_that_looks_again_and_again_sees_each_row_once(tmp_path):
    reader = PredictionReader(tmp_path)
    writer = SegmentWriter.open(tmp_path, "w0-1-a")
    writer.rotate_bytes = 1_000
    for n in range(60):
        writer.append([msgspec.json.encode(predict(n))])
        if n % 7 == 0:
            compact_log(tmp_path, today=datetime(2030, 1, 1, tzinfo=UTC))
        if n % 3 == 0:
            assert reader.read()["prediction_id"].to_list() == [f"p{i}" for i in range(n + 1)]
    writer.close()
    assert len(reader._offsets) > 5
    assert_frame_equal(reader.read(), read(tmp_path))


def test_a_reader_does_not_read_again_from_parquet_what_it_knows_from_segments(tmp_path):
    write(tmp_path, [predict(n) for n in range(10)])
    reader = PredictionReader(tmp_path)
    reader.read()
    compact_log(tmp_path)
    rows = reader._rows
    reader.read()
    assert reader._rows is rows


def test_a_row_that_was_written_twice_is_kept_once(tmp_path):
    rows = [predict(1), predict(1), predict(1, version=2, role=Role.SHADOW), predict(2)]
    write(tmp_path, rows)
    write(tmp_path, rows, name="w1-2-b")
    done = compact_log(tmp_path, today=datetime(2030, 1, 1, tzinfo=UTC))
    assert done.n_twice == 5
    assert read_manifest(tmp_path).parts[0].n_rows == 3


def test_small_files_of_a_day_that_is_over_are_merged(tmp_path):
    for n in range(5):
        write(tmp_path, [predict(n)], name=f"w{n}-1-a")
    assert compact_log(tmp_path, today=datetime(2024, 1, 1, 23, tzinfo=UTC)).n_merged == 0
    assert len(files(tmp_path, ".parquet")) == 5
    assert compact_log(tmp_path, today=datetime(2024, 1, 2, tzinfo=UTC)).n_merged == 5
    assert len(files(tmp_path, ".parquet")) == 1
    assert ids(tmp_path) == [f"p{n}" for n in range(5)]


def test_a_writer_never_takes_a_name_that_a_manifest_calls_taken(tmp_path):
    write(tmp_path, [predict(1)])
    compact_log(tmp_path)
    assert read_manifest(tmp_path).taken == ("w0-1-a-0000000001.seg",)
    write(tmp_path, [predict(2)])
    assert files(tmp_path, ".seg") == ["w0-1-a-0000000002.seg"]
    assert ids(tmp_path) == ["p1", "p2"]


def test_a_name_that_is_used_again_after_its_segments_went_is_read_from_its_beginning(tmp_path):
    reader = PredictionReader(tmp_path)
    for n in range(5):
        write(tmp_path, [predict(10 * n + i) for i in range(3)], name="batch-7", rotate_bytes=1 + n % 2 * 10_000)
        if n % 2:
            assert reader.read().height == 3 * n + 3
        compact_log(tmp_path)
        compact_log(tmp_path)  # strikes the names of those that went off the list
        assert read_manifest(tmp_path).taken == ()
        assert reader.read().height == 3 * n + 3
    assert ids(tmp_path) == reader.read()["prediction_id"].to_list()


def test_the_ids_that_a_writer_logged_are_known_wherever_they_stand(tmp_path):
    write(tmp_path, [predict(1)], name="batch-7-000001")
    write(tmp_path, [predict(2)], name="batch-7-000002")
    write(tmp_path, [predict(3)], name="other")
    assert read_writer_ids(tmp_path, "batch-7") == {"p1", "p2"}
    compact_log(tmp_path)
    write(tmp_path, [predict(4)], name="batch-7-000001")
    assert read_writer_ids(tmp_path, "batch-7-000001") == {"p1", "p4"}
    assert read_writer_ids(tmp_path / "nowhere", "batch-7") == set()


def test_a_damaged_segment_is_told_and_left_and_the_others_are_taken(tmp_path):
    write(tmp_path, [predict(n) for n in range(3)])
    write(tmp_path, [predict(9)], name="w1-2-b")
    path = tmp_path / "w0-1-a-0000000001.seg"
    content = bytearray(path.read_bytes())
    content[20] ^= 0x40
    path.write_bytes(content)
    done = compact_log(tmp_path)
    assert done.n_segments == 1
    assert "w0-1-a-0000000001.seg is damaged" in done.problems[0]
    assert files(tmp_path, ".seg") == [path.name]


def test_two_compactions_never_work_on_one_log(tmp_path):
    write(tmp_path, [predict(1)])
    with lock_log(tmp_path), pytest.raises(StateConflict, match="another process works on the log"):
        compact_log(tmp_path, timeout_seconds=0)


def test_a_feature_that_changes_its_kind_is_read_as_text_or_number(tmp_path):
    write(tmp_path, [predict(1, features={"a": 1, "b": None, "c": 10**30})])
    compact_log(tmp_path)
    write(tmp_path, [predict(2, features={"a": 2.5, "b": "x"})])
    compact_log(tmp_path)
    features = read(tmp_path)["features"].struct.unnest()
    assert features.to_dicts() == [{"a": 1.0, "b": None, "c": 1e30}, {"a": 2.5, "b": "x", "c": None}]


VALUES = {
    "size": st.none() | st.floats(allow_nan=False, allow_infinity=False),
    "count": st.none() | st.integers(-(2**63) + 1, 2**63 - 1),
    "colour": st.none() | st.text(max_size=5),
    "ok": st.none() | st.booleans(),
}
STEP = st.tuples(st.sampled_from(["write", "close", "compact", "merge", "read"]), st.integers(0, 2))


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEP, max_size=25), rows=st.lists(st.fixed_dictionaries(VALUES), min_size=1, max_size=8))
def test_rows_read_are_rows_written_whatever_happens_in_between(tmp_path_factory, steps, rows):
    folder = tmp_path_factory.mktemp("log")
    writers = [SegmentWriter.open(folder, f"w{n}-1-a") for n in range(3)]
    reader, written = PredictionReader(folder), []
    for what, who in steps:
        if what == "write":
            number = len(written)
            written.append(predict(number, features=rows[number % len(rows)], received_at=START + number * 20_000))
            writers[who].append([msgspec.json.encode(written[-1])])
        elif what == "close":
            writers[who].close()
        elif what == "read":
            assert reader.read()["prediction_id"].to_list() == [each.prediction_id for each in written]
        else:
            day = datetime(2030 if what == "merge" else 2020, 1, 1, tzinfo=UTC)
            compact_log(folder, today=day)
    for found in (reader.read(), read(folder)):
        assert found["prediction_id"].to_list() == [each.prediction_id for each in written]
        for row, each in zip(found["features"].to_list(), written, strict=True):
            assert {name: value for name, value in row.items() if value is not None} == {
                name: value for name, value in each.features.items() if value is not None
            }
    for writer in writers:
        writer.close()


def test_the_raw_rows_of_a_log_are_counted_as_often_as_they_stand_there(tmp_path):
    write(tmp_path, [predict(1)])
    compact_log(tmp_path)
    write(tmp_path, [predict(1), predict(2)])
    assert sorted(read_log_rows(tmp_path)["prediction_id"]) == ["p1", "p1", "p2"]
    assert ids(tmp_path) == ["p1", "p2"]


def test_answers_of_different_lengths_are_kept_as_they_are(tmp_path):
    write(tmp_path, [predict(1), predict(2, answer=(3.5,)), predict(3, answer=())])
    compact_log(tmp_path)
    assert read(tmp_path)["answer"].to_list() == [[0.25, 0.75], [3.5], []]
