from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import holdtrue as ht
from holdtrue.data import read_logged
from holdtrue.domain import Cause, LossKind, Task, WatchResult
from holdtrue.errors import DeclarationError, SourceError
from holdtrue.loop import watch_log
from holdtrue.report import tabulate_watched_slices, tell_watch

START = datetime(2024, 1, 1, tzinfo=UTC)
LATER = START + timedelta(days=400)


def make_log(*, n_days: int = 90, rows_a_day: int = 60, turns_on_day: int = 60, seed: int = 0) -> pl.DataFrame:
    """Answers that come true until a day; from then on the input that they rest on lies elsewhere, and they do not."""
    rng = np.random.default_rng(seed)
    n_rows = n_days * rows_a_day
    day = np.arange(n_rows) // rows_a_day
    has_turned = day >= turns_on_day
    heat = rng.normal(size=n_rows) + 2.0 * has_turned
    told = 1 / (1 + np.exp(-2 * heat))
    true = np.where(has_turned, 1 - told, told)
    return pl.DataFrame(
        {
            "event": [f"e{i}" for i in range(n_rows)],
            "at": pl.Series(
                [START + timedelta(days=i / rows_a_day) for i in range(n_rows)], dtype=pl.Datetime("us", "UTC")
            ),
            "p": told,
            "failed": rng.random(n_rows) < true,
            "heat": heat,
            "noise": rng.normal(size=n_rows),
            "build": ["2024-a"] * n_rows,
        }
    )


def watch(folder: Path, frame: pl.DataFrame, *, as_of: datetime = LATER, **changes: object) -> WatchResult:
    frame.write_parquet(folder / "log.parquet")
    until = changes.pop("reference_until", None)
    said = {"key": "event", "time": "at", "prediction": "p", "label": "failed", "label_delay": "12h"} | changes
    loop = ht.Loop("machines", data=ht.predictions("log.parquet", **said))
    return watch_log(loop, read_logged(loop.data, folder=folder), as_of=as_of, reference_until=until)


def test_a_rise_is_found_within_days_and_named_with_the_input_that_moved(tmp_path: Path) -> None:
    result = watch(tmp_path, make_log())
    (alert,) = result.alerts
    assert START + timedelta(days=60) < alert.opened_at <= START + timedelta(days=66)
    assert alert.closed_at is None
    assert [moved["column"] for moved in alert.evidence["moved"]] == ["heat"]
    assert "heat has moved" in alert.sentence


def test_windows_carry_true_quality_and_coverage(tmp_path: Path) -> None:
    result = watch(tmp_path, make_log())
    assert (result.task, result.loss_kind) == (Task.BINARY, LossKind.LOG_LOSS)
    assert sum(window.n_rows for window in result.windows) == 5400
    calm = [window for window in result.windows if window.ends_at <= START + timedelta(days=56)]
    risen = [window for window in result.windows if window.starts_at >= START + timedelta(days=63)]
    assert max(window.loss for window in calm) < min(window.loss for window in risen)
    assert (result.coverage.n_due, result.coverage.n_labelled) == (5400, 5400)


def test_a_calm_log_raises_nothing_and_says_so(tmp_path: Path) -> None:
    result = watch(tmp_path, make_log(turns_on_day=1_000))
    assert result.alerts == ()
    assert "has not risen" in result.versions[0].sentence
    assert result.versions[0].reference_until == START + timedelta(days=19)


def test_what_is_not_due_yet_is_not_judged_and_rows_of_the_future_are_left_out(tmp_path: Path) -> None:
    as_of = START + timedelta(days=30)
    result = watch(tmp_path, make_log(), as_of=as_of)
    assert result.coverage.n_predictions == 1801
    assert result.coverage.n_due == 1771
    assert any("future" in note for note in result.notes)
    with pytest.raises(SourceError):
        watch(tmp_path, make_log(), as_of=START - timedelta(days=1))


def test_too_few_days_are_inconclusive_and_say_what_is_needed(tmp_path: Path) -> None:
    result = watch(tmp_path, make_log(n_days=5))
    assert result.alerts == ()
    assert "need 30 on 7 days" in result.versions[0].sentence
    assert result.versions[0].limit is None
    assert result.versions[0].loss is not None


def test_a_log_without_any_label_that_is_due_has_no_loss(tmp_path: Path) -> None:
    result = watch(tmp_path, make_log(), as_of=START + timedelta(hours=6))
    assert result.coverage.share is None
    assert result.versions[0].loss is None


def test_versions_are_judged_apart_and_an_alert_ends_with_its_version(tmp_path: Path) -> None:
    frame = make_log(turns_on_day=40)
    day = (pl.col("at") - START).dt.total_days()
    better = pl.when(day >= 60).then(1 - pl.col("p")).otherwise(pl.col("p"))
    frame = frame.with_columns(p=better, build=pl.when(day >= 60).then(pl.lit("2024-b")).otherwise(pl.lit("2024-a")))
    result = watch(tmp_path, frame, version="build")
    assert [version.name for version in result.versions] == ["2024-a", "2024-b"]
    assert [takeover.version for takeover in result.takeovers] == [1, 2]
    (alert,) = result.alerts
    assert alert.version == 1
    assert alert.closed_at is not None
    assert alert.closed_at <= START + timedelta(days=60)
    assert "has not risen" in result.versions[1].sentence


def test_the_reference_can_be_declared(tmp_path: Path) -> None:
    result = watch(tmp_path, make_log(), reference_until=START + timedelta(days=50))
    assert result.versions[0].reference_until == START + timedelta(days=50)
    assert len(result.alerts) == 1


def test_a_loop_that_only_watches_trains_nothing(tmp_path: Path) -> None:
    data = ht.predictions("log.parquet", time="at", prediction="p", label="failed", label_delay="1h")
    with pytest.raises(DeclarationError, match="only watches"):
        ht.Loop("machines", data=data, train=lambda data: None)
    with pytest.raises(DeclarationError, match="holdtrue watch"):
        ht.run_backtest(ht.Loop("machines", data=data), folder=tmp_path)
    assert not (tmp_path / ".holdtrue").exists()


def make_sliced_log(*, chance: float, seed: int = 0, until_day: int = 200) -> pl.DataFrame:
    """A calm log in which from day 60 on a share of the labels of line b, a sixth of the rows, is turned around."""
    rng = np.random.default_rng(seed)
    frame = make_log(n_days=130, rows_a_day=180, turns_on_day=1_000, seed=seed)
    day = (frame["at"] - START).dt.total_days()
    line = pl.Series("line", rng.choice(["a", "b", "c"], p=[0.49, 0.16, 0.35], size=frame.height))
    is_turned = (line == "b") & (day >= 60) & (day < until_day) & pl.Series(rng.random(frame.height) < chance)
    return frame.with_columns(line, failed=pl.col("failed") ^ is_turned)


def watch_slices(folder: Path, frame: pl.DataFrame, *by: str) -> WatchResult:
    frame.write_parquet(folder / "log.parquet")
    data = ht.predictions(
        "log.parquet", key="event", time="at", prediction="p", label="failed", label_delay="12h",
        features=["heat", "line"],
    )  # fmt: skip
    loop = ht.Loop("machines", data=data, monitor=[ht.slices(*by)])
    return watch_log(loop, read_logged(loop.data, folder=folder), as_of=LATER)


def test_a_declared_slice_that_rises_is_alerted_while_all_rows_are_in_order(tmp_path: Path) -> None:
    result = watch_slices(tmp_path, make_sliced_log(chance=0.25, until_day=75), "line")
    (alert,) = result.alerts
    assert alert.cause is Cause.SLICES
    assert START + timedelta(days=60) < alert.opened_at <= START + timedelta(days=72)
    assert alert.closed_at is not None
    assert alert.evidence["slices"] == ["line = b"]
    assert [(each.name, each.has_risen) for each in result.versions[0].slices] == [
        ("line = a", False), ("line = c", False), ("line = b", False),
    ]  # fmt: skip
    said = tell_watch(result)
    assert "That of slices alone rose once; no alert of it stands now." in said
    assert "3 slices are watched; no alert of any of them stands now." in said
    ended = f"{alert.closed_at.day} {alert.closed_at:%b} 2024"
    assert f"The risk had risen, and is in order again, in line = b (since {ended})." in said
    shown = tabulate_watched_slices(result.versions[0].slices)
    assert "where an alert has ended, the rows since then" in shown.caption
    assert {row[0]: row[-1] for row in shown.rows}["line = b"] == f"in order since {ended}"


def test_a_standing_alert_says_that_the_latest_days_are_in_order_again(tmp_path: Path) -> None:
    frame = make_log(n_days=90, turns_on_day=50)
    calm = make_log(n_days=90, turns_on_day=1_000, seed=1)
    healed = pl.concat([frame.head(65 * 60), calm.tail(25 * 60)])
    (alert,) = watch(tmp_path, healed).alerts
    until = START + timedelta(days=74)
    for as_of, is_said in ((START + timedelta(days=66), False), (until, True)):
        result = watch(tmp_path, healed, as_of=as_of)
        assert result.alerts[0].closed_at is None
        assert ("Of late it is in order again: mean loss" in result.versions[0].sentence) == is_said
    assert "of the last 9 days. The alert ends once" in result.versions[0].sentence
    assert alert.closed_at is None or alert.closed_at > until


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([None] * 600, "Not enough data to watch its risk: no labelled row; need 30 on 7 days"),
        ([False] * 600, "say False; need some of another class there"),
        ([True] + [None] * 599, "Not enough data to watch its risk: 1 labelled row on 1 day; need 30 on 7 days"),
    ],
    ids=["none", "one class", "one row"],
)
def test_a_log_of_which_little_is_known_says_what_is_there_and_what_the_model_believes(
    tmp_path: Path, labels: list[bool | None], said: str
) -> None:
    frame = make_log(n_days=10).with_columns(pl.Series("failed", labels, dtype=pl.Boolean))
    result = watch(tmp_path, frame)
    assert said in result.versions[0].sentence
    assert (result.has_reference, result.alerts) == (False, ())
    told = " ".join(tell_watch(result))
    assert "the model believes" in told
    if labels[1] is None:
        assert "That is its own belief, not measured" in told
    assert result.coverage.n_labelled == sum(label is not None for label in labels)


def test_where_all_rows_are_alerted_the_slice_is_the_likely_place_and_no_further_alert(tmp_path: Path) -> None:
    result = watch_slices(tmp_path, make_sliced_log(chance=1.0), "line")
    standing = [alert for alert in result.alerts if alert.closed_at is None]
    (alert,) = standing
    assert alert.cause is Cause.RISK
    assert "It lies in line = b (1" in alert.sentence
    assert all(alert.closed_at == standing[0].opened_at for alert in result.alerts if alert.cause is Cause.SLICES)


def test_slices_of_a_watched_log_need_an_input_of_it(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="slices by 'noise', which is no feature"):
        watch_slices(tmp_path, make_log(n_days=30), "noise")
