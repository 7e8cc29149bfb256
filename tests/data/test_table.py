import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from holdtrue.data import History, read_frame, read_history
from holdtrue.domain import Column, Kind, Rule, Schema, Table, Task, column, table
from holdtrue.errors import ColumnMissing, HoldtrueError, LabelError, SchemaMismatch, SourceError, SourceMissing

START = datetime(2024, 1, 1, tzinfo=UTC)


def make_frame(**columns: object) -> pl.DataFrame:
    plain = {
        "id": ["a", "b", "c", "d"],
        "at": [START + timedelta(hours=hour) for hour in range(4)],
        "size": [1.0, 2.0, 3.0, 4.0],
        "late": [True, False, True, False],
    }
    return pl.DataFrame({**plain, **columns}, strict=False)


def declare(**parts: object) -> Table:
    plain = {"key": "id", "time": "at", "label": "late"}
    if "label_time" not in parts:
        plain["label_delay"] = "6h"
    return table("parcels.parquet", **{**plain, **parts})  # type: ignore[arg-type]


def read(frame: pl.DataFrame, **parts: object) -> History:
    return read_frame(frame, declare(**parts))


def test_a_file_is_read_into_a_history(tmp_path: Path) -> None:
    make_frame().write_parquet(tmp_path / "parcels.parquet")
    history = read_history(declare(), folder=tmp_path)
    assert history.frame.columns == ["__key", "__unit", "__time", "__label_time", "__label", "size"]
    assert (history.task, history.classes, history.label) == (Task.BINARY, (False, True), "late")
    assert (history.starts_at, history.ends_at) == (START, START + timedelta(hours=3))
    assert history.frame["__label_time"][0] == START + timedelta(hours=6)
    assert (history.source, history.notes, history.label_delay) == ("parcels.parquet", (), timedelta(hours=6))


def test_a_glob_of_csv_files_is_one_history(tmp_path: Path) -> None:
    for part in range(2):
        make_frame()[part * 2 : part * 2 + 2].write_csv(tmp_path / f"parcels-{part}.csv")
    history = read_history(table("parcels-*.csv", key="id", time="at", label="late", label_delay="1h"), folder=tmp_path)
    assert history.n_rows == 4
    assert history.encoded_labels().tolist() == [1, 0, 1, 0]


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing):
        read_history(declare(), folder=tmp_path)


def test_a_missing_column_is_named_with_the_nearest_one(tmp_path: Path) -> None:
    make_frame().write_parquet(tmp_path / "parcels.parquet")
    for parts in ({"label": "lat"}, {"label": "lat", "features": ["size"]}):
        with pytest.raises(ColumnMissing, match=r"'lat' is not in parcels\.parquet.*did you mean 'late'"):
            read_history(declare(**parts), folder=tmp_path)


def test_a_slip_in_drop_is_an_error_and_not_a_leak(tmp_path: Path) -> None:
    make_frame().write_parquet(tmp_path / "parcels.parquet")
    with pytest.raises(ColumnMissing, match=r"'sise'.*did you mean 'size'"):
        read_history(declare(drop=["sise"]), folder=tmp_path)


def test_a_dropped_column_may_change_its_type_between_files(tmp_path: Path) -> None:
    make_frame(note=[1] * 4).write_parquet(tmp_path / "1.parquet")
    make_frame(id=list("efgh"), note=["x"] * 4).write_parquet(tmp_path / "2.parquet")
    parts = {"key": "id", "time": "at", "label": "late", "label_delay": "1h"}
    assert read_history(table("*.parquet", drop=["note"], **parts), folder=tmp_path).feature_names == ("size",)
    assert read_history(table("*.parquet", features=["size"], **parts), folder=tmp_path).feature_names == ("size",)
    with pytest.raises(SchemaMismatch, match=r"String in 2\.parquet"):
        read_history(table("*.parquet", **parts), folder=tmp_path)


def test_a_table_without_rows_is_an_error() -> None:
    with pytest.raises(SourceError, match="has no rows"):
        read(make_frame().clear())


def test_duplicate_keys_are_counted_with_an_example() -> None:
    with pytest.raises(SourceError, match=r"1 value occurs more than once \(such as 'a', 3 times\), 2 rows too many"):
        read(make_frame(id=["a", "a", "a", "b"]))


def test_rows_without_a_key_or_a_time_are_counted() -> None:
    with pytest.raises(SourceError, match=r"1 of 4 rows has no key \(column 'id'\)"):
        read(make_frame(id=["a", "b", "c", None]))
    with pytest.raises(SourceError, match="1 of 4 rows has no time"):
        read(make_frame(at=[START, START, START, None]))


def test_whole_numbers_are_keys_and_fractions_are_not() -> None:
    assert read(make_frame(id=[1, 2, 3, 4])).frame["__key"].to_list() == ["1", "2", "3", "4"]
    with pytest.raises(SchemaMismatch, match="the key 'id' is Float64"):
        read(make_frame(id=[1.5, 2.5, 3.5, 4.5]))


def test_a_csv_key_keeps_its_zeros(tmp_path: Path) -> None:
    make_frame(id=["007", "008", "009", "010"]).write_csv(tmp_path / "parcels.csv")
    history = read_history(table("parcels.csv", key="id", time="at", label="late", label_delay="1h"), folder=tmp_path)
    assert history.frame["__key"][0] == "007"


def test_a_unique_time_stands_for_the_key() -> None:
    history = read(make_frame().drop("id"), key=None)
    assert history.frame["__key"][1] == (START + timedelta(hours=1)).isoformat()
    with pytest.raises(SourceError, match=r"no key is declared, and the time 'at' is not unique.*key="):
        read(make_frame(at=[START] * 4).drop("id"), key=None)


def test_the_unit_is_the_key_unless_it_is_named() -> None:
    assert read(make_frame()).frame["__unit"].to_list() == list("abcd")
    history = read(make_frame(van=["x", "x", None, "y"]), unit="van")
    assert history.frame["__unit"].to_list() == ["x", "x", "c", "y"]
    assert history.feature_names == ("size",)
    assert "1 row has no unit" in history.notes[0]


def test_rows_out_of_order_are_sorted_and_it_is_said() -> None:
    history = read(make_frame().reverse())
    assert history.frame["__key"].to_list() == list("abcd")
    assert history.notes == ("the rows were out of order and were sorted by time",)


def test_naive_times_need_a_zone() -> None:
    frame = make_frame(at=[datetime(2024, 1, 1, hour) for hour in range(4)])
    with pytest.raises(SchemaMismatch, match=r'table\(\.\.\., time_zone="UTC"\)'):
        read(frame)
    history = read(frame, time_zone="America/New_York")
    assert history.starts_at == START + timedelta(hours=5)
    assert "read in America/New_York" in history.notes[0]


def test_missing_labels_are_said_and_all_missing_is_an_error() -> None:
    history = read(make_frame(late=[True, False, None, None]))
    assert history.notes == ("2 of 4 labels are missing",)
    assert history.frame["__label_time"].null_count() == 2
    with pytest.raises(LabelError, match="none of 4 rows has a label"):
        read(make_frame(late=[None] * 4))


def test_a_label_of_one_class_is_an_error() -> None:
    with pytest.raises(LabelError, match="one value only: True"):
        read(make_frame(late=[True] * 4))


def test_a_label_time_dates_each_label_and_gives_the_usual_delay() -> None:
    known = [*(START + timedelta(hours=hour) for hour in (2, 2, 12)), None]
    history = read(make_frame(known=known), label_time="known")
    assert history.label_delay == timedelta(hours=10)
    assert history.encoded_labels().tolist() == [1, 0, 1, -1]
    assert "1 label has no 'known': taken as missing" in history.notes
    assert history.feature_names == ("size",)


def test_a_label_that_is_known_before_its_prediction_is_an_error() -> None:
    known = [START] * 4
    with pytest.raises(LabelError, match=r"3 labels were known before .* \(known < at\)"):
        read(make_frame(known=known), label_time="known")


def test_infinite_features_are_refused_and_nan_is_missing() -> None:
    with pytest.raises(SchemaMismatch, match=r"1 infinite value in 'size'.*drop=\['size'\]"):
        read(make_frame(size=[1.0, float("inf"), 2.0, 3.0]))
    history = read(make_frame(size=[1.0, float("nan"), 2.0, None]))
    assert history.frame["size"].to_list() == [1.0, None, 2.0, None]
    assert history.notes == ("1 NaN in 'size' is taken as missing",)


def test_dates_lists_structs_and_empty_columns_are_no_features() -> None:
    extra = {"day": [date(2024, 1, 1)] * 4, "tags": [["x"]] * 4, "place": [{"lat": 1.0}] * 4, "nothing": [None] * 4}
    history = read(make_frame(**extra))
    assert history.feature_names == ("size",)
    assert [note.split(" ")[0] for note in history.notes] == ["'day'", "'tags'", "'place'", "'nothing'"]
    with pytest.raises(SchemaMismatch, match="the feature 'tags' is a list or a struct"):
        read(make_frame(**extra), features=["size", "tags"])


def test_a_table_without_a_feature_is_an_error() -> None:
    with pytest.raises(SchemaMismatch, match="no column is left as a feature"):
        read(make_frame(), drop=["size"])


def test_texts_with_very_many_levels_are_said() -> None:
    n = 600
    frame = pl.DataFrame(
        {
            "id": range(n),
            "at": [START + timedelta(hours=hour) for hour in range(n)],
            "place": [f"p{row % 300}" for row in range(n)],
            "late": [row % 2 == 0 for row in range(n)],
        }
    )
    assert "'place' has 300 levels" in read(frame).notes[0]


def test_features_keep_their_plain_types() -> None:
    extra = {
        "n": pl.Series([1, None, 3, 4], dtype=pl.Int8),
        "x": pl.Series([1, 2, 3, 4], dtype=pl.Float32),
        "c": ["b", None, "a", "b"],
    }
    history = read(make_frame(**extra))
    types = dict(zip(history.frame.columns, history.frame.dtypes, strict=True))
    assert (types["n"], types["x"], types["c"]) == (pl.Int64, pl.Float64, pl.Enum(["a", "b"]))


@pytest.mark.parametrize("parts", [{"label": "lat"}, {"drop": ["sise"]}, {"features": ["sise"]}, {"key": "size"}])
def test_every_error_says_what_was_found_and_what_to_do(parts: dict[str, object]) -> None:
    with pytest.raises(HoldtrueError) as caught:
        read(make_frame(), **parts)
    assert caught.value.found
    assert caught.value.remedy or caught.value.expected


def test_a_third_of_a_million_rows_are_read_in_little_time(tmp_path: Path) -> None:
    n = 336_776
    rows = pl.int_range(n, eager=True)
    numbers = {f"x{place}": (rows * (place + 7) % 1001).cast(pl.Float64) for place in range(13)}
    texts = {f"s{place}": "level " + (rows % (20 + place * 40)).cast(pl.String) for place in range(3)}
    at = START + pl.duration(minutes=rows)
    frame = pl.DataFrame({"id": rows, **numbers, **texts, "late": rows % 5 == 0}).with_columns(at=at)
    frame.write_parquet(tmp_path / "parcels.parquet")
    began = time.thread_time()
    history = read_history(declare(), folder=tmp_path)
    history.known_at(START + timedelta(days=100)).dataset()
    assert time.thread_time() - began < 4.5  # of this thread's own work: a busy machine does not count
    assert history.n_rows == n


def test_a_table_that_breaks_its_schema_is_refused_with_all_breaches_and_its_keys() -> None:
    schema = Schema(
        (column("size", "number", high=3), column("colour", "text"), column("late", "boolean", nullable=False)),
        rules=(Rule(name="small", text="size < 2 OR late"),),
        min_rows=9,
        is_ordered=True,
    )
    frame = make_frame(late=[True, False, None, False], at=[START + timedelta(hours=hour) for hour in (0, 2, 1, 3)])
    with pytest.raises(SchemaMismatch) as caught:
        read_frame(frame, declare(), schema=schema)
    for word in (
        "parcels.parquet breaks its schema in 6 ways",
        "at least 9 are expected",
        "'size' above 3; the first is row 3 (id 'd'): size = 4.0",
        "'colour' is missing",
        "'late', which is not nullable; the first is row 2",
        "2 of 4 rows break the rule 'small' (size < 2 OR late); the first is row 1 (id 'b'): size = 2.0, late = False",
        "1 row is earlier than the row before",
    ):
        assert word in str(caught.value)


def test_a_declared_schema_has_the_last_word_over_what_was_seen() -> None:
    schema = Schema(
        (
            column("size", "integer", unit="kg", low=0),
            column("n", "number", nullable=True, seen=[-9, 9]),
            column("colour", "text", levels=["red", "blue", "green"], closed=True),
        ),
        rules=(Rule(name="r", text="size > 0 AND late IS NOT NULL"),),
    )
    history = read_frame(
        make_frame(n=[1, 2, 3, 4], colour=["red", "blue", "red", "blue"], other=[1, 2, 3, 4]), declare(), schema=schema
    )
    assert history.frame.schema["size"] == pl.Int64
    assert history.frame.schema["n"] == pl.Float64
    size, n, colour, other = history.schema.columns
    assert (size.kind, size.unit, size.low, size.limits.low, size.nullable) == (Kind.INTEGER, "kg", 1.0, 0, True)
    assert (n.low, n.high) == (1.0, 4.0)
    assert (colour.levels, colour.limits.levels) == (("blue", "red"), ("red", "blue", "green"))
    assert other == Column(name="other", kind=Kind.INTEGER, nullable=False, low=1.0, high=4.0)
    assert history.dataset().schema.rules == history.schema.rules == schema.rules
    assert [note for note in history.notes if "declared schema" in note] == [
        "'other' is not in the declared schema: it is taken as it is seen"
    ]


def test_rules_read_columns_that_the_model_may_not_see(tmp_path: Path) -> None:
    make_frame(part=[0.5, 1.0, 1.5, 2.5], n=[1, 2, 3, 4]).write_parquet(tmp_path / "parcels.parquet")
    schema = Schema((), rules=(Rule(name="half", text="part * 2 = size"),))
    for declared in (declare(drop=["part"]), declare(features=["n"])):
        with pytest.raises(SchemaMismatch, match=r"1 of 4 rows breaks the rule 'half'.*row 3 .*part = 2.5, size = 4.0"):
            read_history(declared, folder=tmp_path, schema=schema)
        kept = read_history(
            declared, folder=tmp_path, schema=Schema((), rules=(Rule(name="half", text="part <= size"),))
        )
        assert "part" not in kept.feature_names


def test_without_a_schema_a_table_is_taken_as_it_is(tmp_path: Path) -> None:
    make_frame(size=[1.0, None, -9e9, 4.0]).write_parquet(tmp_path / "parcels.parquet")
    history = read_history(declare(), folder=tmp_path)
    assert history.declared is None
    assert history.schema == Schema((Column(name="size", kind=Kind.NUMBER, low=-9e9, high=4.0),))
