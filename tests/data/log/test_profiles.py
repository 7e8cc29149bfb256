from datetime import UTC, datetime

import polars as pl

from data.log.logs import DAY, START, predict, read, write
from holdtrue.data import compact_log, read_log_profiles
from holdtrue.data.log.profiles import read_references
from holdtrue.data.profile import profile_frame
from holdtrue.domain import Role
from holdtrue.monitoring import report_drift
from holdtrue.store import read_manifest


def test_profiles_of_days_add_to_the_profile_of_all_rows_of_a_version(tmp_path):
    for day in range(3):
        rows = [
            predict(n, version=1 + n % 2, time=START, received_at=START + day * DAY + n)
            for n in range(day * 100, day * 100 + 100)
        ]
        for half in (rows[:50], rows[50:]):
            write(tmp_path, half, name=f"w{half[0].prediction_id}")
            compact_log(tmp_path, today=datetime(2024, 1, 2 + day, tzinfo=UTC))
    days = read_log_profiles(tmp_path)
    assert [(day.day, day.version) for day in days] == [
        (day, version) for day in ("2024-01-01", "2024-01-02", "2024-01-03") for version in (1, 2)
    ]
    whole = days[0].profile.add(days[2].profile).add(days[4].profile)
    mine = read(tmp_path).filter(pl.col("version") == 1)["features"].struct.unnest()
    like = read_references(tmp_path, read_manifest(tmp_path))[1]
    expected = profile_frame(mine, like=like)
    assert whole.n_rows == 150
    for name, column in expected.columns.items():
        assert whole.columns[name].counts.tolist() == column.counts.tolist()
        assert whole.columns[name].n_missing == column.n_missing


def test_shadows_are_not_counted_and_a_feature_that_comes_later_was_missing_before(tmp_path):
    write(tmp_path, [predict(1, features={"a": 1.0}), predict(1, features={"a": 1.0}, role=Role.SHADOW, version=2)])
    compact_log(tmp_path)
    write(tmp_path, [predict(2, features={"a": 2.0, "b": "x"})])
    compact_log(tmp_path)
    (day,) = read_log_profiles(tmp_path)
    assert (day.version, day.profile.n_rows) == (1, 2)
    assert day.profile.columns["b"].n_missing == 1


def test_a_log_without_parts_has_no_profiles(tmp_path):
    write(tmp_path, [predict(1)])
    assert read_log_profiles(tmp_path) == []


def test_profiles_of_days_are_compared_without_their_rows(tmp_path):
    for day in range(2):
        rows = [
            predict(n, features={"size": float(n % 50) + 40 * day}, received_at=START + day * DAY + n)
            for n in range(day * 1_000, day * 1_000 + 1_000)
        ]
        write(tmp_path, rows, name=f"w{day}")
    compact_log(tmp_path)
    first, second = (day.profile for day in read_log_profiles(tmp_path))
    moved = {each.column for each in report_drift(first, second).columns if each.move.exceeds}
    assert moved == {"size"}


def test_a_number_is_no_level_because_its_first_rows_were_few(tmp_path):
    write(tmp_path, [predict(n, features={"size": n * 0.5, "colour": "red"}) for n in range(3)])
    compact_log(tmp_path)
    write(tmp_path, [predict(n, features={"size": n * 0.5, "colour": "red"}) for n in range(3, 1_000)])
    compact_log(tmp_path)
    write(tmp_path, [predict(n, version=2, features={"size": n % 2, "colour": "red"}) for n in range(1_000, 2_500)])
    compact_log(tmp_path)
    one, two = (day.profile.columns for day in read_log_profiles(tmp_path))
    assert (one["size"].minimum, one["size"].maximum, one["size"].n_rows) == (0.0, 499.5, 1_000)
    assert one["colour"].levels == ("red",)
    assert dict(zip(two["size"].levels, two["size"].counts.tolist(), strict=True)) == {"0.0": 750, "1.0": 750}


def test_what_a_test_forced_out_of_a_version_is_in_no_profile(tmp_path):
    write(tmp_path, [predict(1), predict(2, role=Role.FORCED), predict(3, role=Role.FORCED, version=2)])
    compact_log(tmp_path)
    assert [(day.version, day.profile.n_rows) for day in read_log_profiles(tmp_path)] == [(1, 1)]
    assert read(tmp_path)["prediction_id"].to_list() == ["p1"]
