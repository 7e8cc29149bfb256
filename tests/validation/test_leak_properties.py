"""What never changes a verdict on leaks: the order of a table's rows, their names, and honest columns beside them."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from holdtrue.data import History, read_frame
from holdtrue.domain import NoLeak, Ruling, table
from holdtrue.validation import judge_leaks

N_ROWS = 400
START = datetime(2024, 1, 1, tzinfo=UTC)
CUT = START + timedelta(hours=300)
DECLARED = table("t.parquet", key="id", time="at", label="y", label_delay="5h")
LEAKS = ("none", "copy", "near", "lead", "difference", "mean", "code", "missing")


def make_frame(leak: str, seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    x, city = rng.normal(size=N_ROWS), rng.integers(0, 8, N_ROWS)
    y = x + rng.normal(size=N_ROWS) > 0.5
    means = np.bincount(city[:-5], weights=y[:-5]) / np.bincount(city[:-5])
    plan = rng.uniform(100, 900, N_ROWS)
    columns: dict[str, dict[str, object]] = {
        "none": {},
        "copy": {"leak": np.where(y, "yes", "no")},
        "near": {"leak": np.where(y, 5.0, -5.0) + rng.normal(size=N_ROWS)},
        "lead": {"leak": pl.Series(y).shift(-2)},
        "difference": {"plan": plan, "leak": plan + np.where(y, 1.0, -1.0) * rng.uniform(1, 30, N_ROWS)},
        "mean": {"leak": means[city]},
        "code": {"leak": 2 * rng.permutation(N_ROWS) + y},
        "missing": {"leak": pl.Series(rng.normal(size=N_ROWS)).set(pl.Series(np.arange(N_ROWS) > N_ROWS - 6), None)},
    }
    at = [START + timedelta(hours=i) for i in range(N_ROWS)]
    return pl.DataFrame(
        {"id": np.arange(N_ROWS), "at": at, "y": y, "x": x, "city": [f"c{c}" for c in city]} | columns[leak]
    )


def judge(frame: pl.DataFrame) -> list[tuple[Ruling, str]]:
    history: History = read_frame(frame, DECLARED)
    known = history.known_at(history.ends_at)
    train = known.rows(until=CUT).known_at(CUT).dataset()
    verdicts = judge_leaks(train, known.rows(since=CUT).dataset(), NoLeak(), known=known)
    return [(verdict.ruling, verdict.sentence) for verdict in verdicts]


@settings(max_examples=20, deadline=None)
@given(leak=st.sampled_from(LEAKS), seed=st.integers(0, 10_000))
def test_each_leak_is_refused_and_the_order_and_names_of_rows_mean_nothing(leak: str, seed: int) -> None:
    frame = make_frame(leak, seed)
    found = judge(frame)
    assert (Ruling.FAILED in {ruling for ruling, _ in found}) is (leak != "none")
    mixed = frame.sample(fraction=1, shuffle=True, seed=seed)
    assert judge(mixed) == found
    renamed = frame.with_columns(("k" + pl.col("id").cast(pl.String)).alias("id"))
    assert judge(renamed) == found


@settings(max_examples=20, deadline=None)
@given(
    leak=st.sampled_from(LEAKS[1:]),
    seed=st.integers(0, 10_000),
    kind=st.sampled_from(["noise", "levels", "constant", "hour", "gaps", "signal"]),
)
def test_an_honest_column_never_turns_a_refusal_into_a_pass(leak: str, seed: int, kind: str) -> None:
    frame, rng = make_frame(leak, seed), np.random.default_rng(seed + 1)
    honest = {
        "noise": pl.Series(rng.normal(size=N_ROWS)),
        "levels": pl.Series(rng.choice(["a", "b", "c"], N_ROWS)),
        "constant": pl.Series(np.ones(N_ROWS)),
        "hour": pl.Series(np.arange(N_ROWS) % 24),
        "gaps": pl.Series(rng.normal(size=N_ROWS)).set(pl.Series(rng.random(N_ROWS) < 0.4), None),
        "signal": frame["x"] + pl.Series(rng.normal(size=N_ROWS)),
    }[kind]
    rulings = {ruling for ruling, _ in judge(frame.with_columns(honest.alias("honest")))}
    assert Ruling.FAILED in rulings
