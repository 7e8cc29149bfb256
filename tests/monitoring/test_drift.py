from datetime import timedelta

import numpy as np
import polars as pl

from holdtrue.monitoring import explain_drift, tell_causes


def draw_features(rng: np.random.Generator, *, n_rows: int = 6_000, shift: float = 0.0) -> pl.DataFrame:
    carriers = rng.choice(["AA", "UA", "DL"], size=n_rows, p=[0.5, 0.3, 0.2])
    return pl.DataFrame(
        {
            "temp": rng.normal(10 + 5 * shift, 5, n_rows),
            "humid": rng.uniform(20, 90, n_rows),
            "carrier": pl.Series(carriers, dtype=pl.Enum(["AA", "DL", "UA"])),
            "hour": rng.integers(5, 23, n_rows),
            "is_weekend": rng.random(n_rows) < 0.28,
            "constant": np.full(n_rows, 3.0),
            "empty": pl.Series([None] * n_rows, dtype=pl.Float64),
        }
    )


def test_nothing_is_named_when_nothing_has_moved(make_history) -> None:
    rng = np.random.default_rng(0)
    reference = make_history(draw_features(rng))
    for _ in range(20):
        assert explain_drift(reference, draw_features(rng, n_rows=3_000)) == []


def test_a_moved_column_is_named_with_its_means(make_history) -> None:
    rng = np.random.default_rng(1)
    causes = explain_drift(make_history(draw_features(rng)), draw_features(rng, n_rows=3_000, shift=0.8))
    assert [cause.column for cause in causes] == ["temp"]
    assert causes[0].is_calibrated
    assert causes[0].distance > 0.25
    assert "its mean went from" in causes[0].sentence


def test_levels_missing_values_and_a_changed_constant_are_named(make_history) -> None:
    rng = np.random.default_rng(2)
    current = draw_features(rng, n_rows=3_000).with_columns(
        pl.when(pl.col("carrier") == "AA")
        .then(pl.lit("B6"))
        .otherwise(pl.col("carrier").cast(pl.String))
        .alias("carrier"),
        pl.when(pl.int_range(pl.len()) % 3 > 0).then("humid").alias("humid"),
        pl.lit(7.0).alias("constant"),
    )
    causes = explain_drift(make_history(draw_features(rng)), current)
    found = {(cause.column, cause.is_missing) for cause in causes}
    assert found == {("carrier", False), ("humid", True), ("constant", False)}
    said = {cause.column: cause.sentence for cause in causes}
    assert "went from 0.0% to 33" in said["humid"]


def test_causes_are_ranked_by_weight_times_distance(make_history) -> None:
    rng = np.random.default_rng(3)
    current = draw_features(rng, n_rows=3_000, shift=2.0).with_columns(humid=pl.col("humid") + 25)
    reference = make_history(draw_features(rng))
    assert [cause.column for cause in explain_drift(reference, current)] == ["temp", "humid"]
    weighted = explain_drift(reference, current, weights={"humid": 0.9, "temp": 0.01})
    assert [cause.column for cause in weighted] == ["humid", "temp"]
    assert weighted[0].weight == 0.9


def test_infinite_values_moments_and_spreads_are_told_as_what_they_are(make_history) -> None:
    rng = np.random.default_rng(11)
    drawn = rng.normal(size=3_000)

    def tell(before: np.ndarray, now: np.ndarray) -> str:
        causes = explain_drift(make_history(pl.DataFrame({"x": before})), pl.DataFrame({"x": now}))
        return causes[0].sentence

    broken = np.where(np.arange(3_000) % 3 == 0, np.inf, rng.normal(size=3_000))
    assert "its infinite values went from 0.0% to 33.3%" in tell(drawn, broken)
    assert "its infinite values went from 0.0% to 100.0%" in tell(drawn, np.tile([np.inf, -np.inf], 1_500))
    moments = 1.7e9 + np.arange(3_000.0)
    assert "its mean went from 1.7000015e+09 to 1.7000055e+09" in tell(moments, moments + 3_000)
    assert "its spread from 1." in tell(drawn, 3 * rng.permutation(drawn))


def test_columns_that_say_little_or_nothing_never_crash(make_history) -> None:
    rng, n_rows = np.random.default_rng(12), 300
    odd = {
        "nan": np.full(n_rows, np.nan), "null": pl.Series([None] * n_rows, dtype=pl.Float64),
        "constant": np.ones(n_rows),
        "unique": [f"u{i}" for i in range(n_rows)], "huge": rng.normal(size=n_rows) * 1e300, "ties": [0.5] * n_rows,
        "boolean": rng.random(n_rows) < 0.5, "number": rng.normal(size=n_rows),
    }  # fmt: skip
    for before in odd.values():
        for now in odd.values():
            reference = make_history(pl.DataFrame({"x": before}))
            for n_now in (n_rows, 1, 0):
                causes = explain_drift(reference, pl.DataFrame({"x": now}).head(n_now), weights={"x": 0.0})
                assert all(np.isfinite(cause.distance) for cause in causes)


def test_a_column_of_unknown_weight_counts_as_a_usual_one(make_history) -> None:
    rng = np.random.default_rng(3)
    current = draw_features(rng, n_rows=3_000, shift=2.0).with_columns(humid=pl.col("humid") + 25)
    reference = make_history(draw_features(rng))
    for known, first in ((0.9, "temp"), (0.001, "humid")):
        causes = explain_drift(reference, current, weights={"temp": known, "carrier": 0.01})
        assert causes[0].column == first
        assert {cause.column: cause.weight for cause in causes} == {"temp": known, "humid": None}
    ignored = explain_drift(reference, current, weights={"temp": 0.0, "humid": 0.0})
    assert [cause.column for cause in ignored] == ["temp", "humid"]


def test_a_single_strange_window_of_three_is_not_a_move(make_history) -> None:
    rng = np.random.default_rng(4)
    parts = [draw_features(rng, n_rows=1_000, shift=shift) for shift in (0.0, 3.0, 0.0)]
    assert explain_drift(make_history(draw_features(rng)), pl.concat(parts)) == []


def test_a_move_within_what_own_days_show_is_not_named(make_history) -> None:
    rng = np.random.default_rng(5)
    wobble = 3 * rng.normal(size=60)
    wobbling = draw_features(rng).with_columns(temp=pl.col("temp") + pl.Series(np.repeat(wobble, 100)))
    current = draw_features(rng, n_rows=3_000, shift=0.3)
    assert [c.column for c in explain_drift(make_history(draw_features(rng)), current)] == ["temp"]
    assert explain_drift(make_history(wobbling), current) == []


def test_a_short_reference_says_that_it_is_uncalibrated(make_history) -> None:
    rng = np.random.default_rng(6)
    reference = make_history(draw_features(rng), n_days=10)
    [cause] = explain_drift(reference, draw_features(rng, n_rows=3_000, shift=1.0))
    assert not cause.is_calibrated
    assert "uncalibrated" in cause.sentence


def test_the_struct_of_the_prediction_log_is_read(make_history, start) -> None:
    rng = np.random.default_rng(7)
    features = draw_features(rng, n_rows=3_000, shift=1.0)
    times = [start + timedelta(days=60, minutes=i) for i in range(3_000)]
    log = pl.DataFrame({"time": times, "features": features.to_struct()}).sample(fraction=1.0, shuffle=True, seed=1)
    assert [cause.column for cause in explain_drift(make_history(draw_features(rng)), log)] == ["temp"]


def test_windows_of_few_rows_name_nothing(make_history) -> None:
    rng = np.random.default_rng(8)
    reference = make_history(draw_features(rng))
    for n_rows in (0, 1, 3, 30):
        assert explain_drift(reference, draw_features(rng, n_rows=n_rows, shift=0.2)) == []
    assert explain_drift(reference, pl.DataFrame({"other": [1, 2, 3]})) == []


def test_what_moved_is_told_behind_an_alert(make_history) -> None:
    rng = np.random.default_rng(9)
    causes = explain_drift(make_history(draw_features(rng)), draw_features(rng, n_rows=3_000, shift=1.0))
    assert tell_causes(causes).startswith("Likely causes: temp has moved")
    assert "the label itself" in tell_causes([])
