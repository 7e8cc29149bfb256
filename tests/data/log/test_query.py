from datetime import UTC, datetime

import msgspec
import polars as pl
import pytest

from data.log.logs import DAY, START, predict, write
from holdtrue.data import LogQuery, LogSource, compact_log, query_log, write_query
from holdtrue.domain import Column, Kind, Schema, Signature, Task
from holdtrue.errors import ColumnMissing, DeclarationError
from holdtrue.store import SegmentWriter

BINARY = Signature(
    schema=Schema((Column(name="size", kind=Kind.NUMBER),)), task=Task.BINARY, label="late", classes=(False, True)
)
LABELS = pl.DataFrame(
    {"key": ["k2", "k5"], "label": [True, False], "known_at": [datetime(2024, 2, 1, tzinfo=UTC)] * 2},
    schema={"key": pl.String, "label": pl.Boolean, "known_at": pl.Datetime("us", "UTC")},
)


@pytest.fixture
def source(tmp_path):
    """Ten rows, a day apart: four in Parquet, three in a closed segment, three in an open one."""
    rows = [
        predict(n, time=START + n * DAY, received_at=START + n * DAY, answer=(1 - n / 10, n / 10)) for n in range(10)
    ]
    write(tmp_path, rows[:4], name="a")
    compact_log(tmp_path)
    write(tmp_path, rows[4:7], name="b")
    writer = SegmentWriter.open(tmp_path, "c")
    writer.append([msgspec.json.encode(row) for row in rows[7:]])
    yield LogSource(folder=tmp_path, signature=BINARY, labels=LABELS)
    writer.close()


def ids(source, **asked):
    return query_log(source, LogQuery(**asked))["prediction_id"].to_list()


def at(day):
    return datetime.fromtimestamp(START + day * DAY, UTC)


def test_parquet_and_segments_are_asked_as_one(source):
    assert ids(source) == [f"p{n}" for n in range(10)]
    assert ids(source, since=at(2), until=at(8)) == [f"p{n}" for n in range(2, 8)]
    assert ids(source, limit=4) == ["p6", "p7", "p8", "p9"]
    assert ids(source, where="score > .65") == ["p7", "p8", "p9"]
    assert ids(source, where="colour = 'red' AND size > 5", limit=2) == ["p7", "p9"]


def test_labels_that_came_stand_beside_their_rows(source):
    assert ids(source, where="label IS NOT NULL") == ["p2", "p5"]
    found = query_log(source, LogQuery(where="label = true", columns=("prediction_id", "label", "known_at", "p_True")))
    assert found.rows() == [("p2", True, datetime(2024, 2, 1, tzinfo=UTC), pytest.approx(0.2))]


def test_the_same_rows_are_found_after_a_compaction(source):
    before = query_log(source, LogQuery())
    compact_log(source.folder, today=datetime(2030, 1, 1, tzinfo=UTC))
    assert query_log(source, LogQuery()).equals(before)


def test_the_file_that_is_written_holds_the_rows_that_were_asked_for(source, tmp_path):
    target = tmp_path / "out" / "rows.parquet"
    target.parent.mkdir()
    query = LogQuery(where="score >= .3", columns=("key", "size", "score"))
    assert write_query(source, query, target) == 7
    assert pl.read_parquet(target).equals(query_log(source, query))
    assert list(target.parent.iterdir()) == [target]
    assert write_query(source, LogQuery(limit=2), target) == 2
    assert pl.read_parquet(target)["prediction_id"].to_list() == ["p8", "p9"]


@pytest.mark.parametrize(
    ("asked", "error", "word"),
    [
        ({"where": "skore > .9"}, ColumnMissing, "score"),
        ({"columns": ("prediction_id", "colur")}, ColumnMissing, "colour"),
        ({"where": "score >"}, DeclarationError, "cannot be read"),
        ({"where": "score + 1"}, DeclarationError, "gives Float64"),
        ({"where": "colour > 3"}, DeclarationError, "colour"),
    ],
)
def test_a_question_that_cannot_be_meant_is_refused_in_words(source, tmp_path, asked, error, word):
    with pytest.raises(error, match=word):
        query_log(source, LogQuery(**asked))
    with pytest.raises(error, match=word):
        write_query(source, LogQuery(**asked), tmp_path / "out.parquet")
    assert not list(tmp_path.glob("*out.parquet*"))


def test_a_feature_that_is_called_like_a_part_of_the_row_keeps_its_prefix(tmp_path):
    write(tmp_path, [predict(1, features={"key": 7, "score": 3.0, "plain": "x"})])
    found = query_log(LogSource(folder=tmp_path, signature=None, labels=LABELS.clear()), LogQuery())
    assert found.row(0, named=True)["features.key"] == 7
    assert {"features.score", "plain", "prediction"} <= set(found.columns)


def test_a_log_without_rows_is_empty_with_its_columns(tmp_path):
    found = query_log(LogSource(folder=tmp_path, signature=BINARY, labels=LABELS), LogQuery(limit=5))
    assert found.height == 0
    assert {"score", "p_True", "label", "latency_ms", "size"} <= set(found.columns)
    assert query_log(LogSource(folder=tmp_path, signature=BINARY, labels=LABELS), LogQuery(where="size > 1")).is_empty()
