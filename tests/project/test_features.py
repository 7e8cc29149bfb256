"""Features of a loop are the same in its training, its server, its batches and its log."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from msgspec import structs

from holdtrue.backtest import run_backtest
from holdtrue.clock import VirtualClock
from holdtrue.data import derive_history, read_frame, read_history, take_rows
from holdtrue.domain import Lookup
from holdtrue.environments import InlineEnvironment
from holdtrue.loop import Trained, child, load_loop
from holdtrue.loop.fitting import Fitter
from holdtrue.pipeline import MemoryCache
from holdtrue.project import Project, explain_prediction, open_project, score_file
from holdtrue.registry import CHAMPION, load_model, resolve_version
from holdtrue.serving import answer_rows, read_lookup_file, write_lookup_file, write_traffic_file
from holdtrue.serving.answer import shelf
from holdtrue.serving.answer.engine import Engine
from holdtrue.serving.counts.counter import Counters
from holdtrue.testing import drifting_rows
from holdtrue.testing.world import START
from project.small import ask_lean_process, read_log

LOOP = '''"""Will the machine fail today? Its plant's last week tells too."""

import polars as pl
from sklearn.ensemble import HistGradientBoostingClassifier

import holdtrue as ht


def train(data: ht.Dataset) -> HistGradientBoostingClassifier:
    assert {"is_late", "rate_7d", "hot"} <= set(data.features.columns)
    model = HistGradientBoostingClassifier(max_iter=10, categorical_features="from_dtype")
    return model.fit(data.features, data.label)


loop = ht.Loop(
    "machines",
    data=ht.table("rows.parquet", key="event", time="at", label="failed", label_delay="12h"),
    features={
        "is_late": pl.col("at").dt.hour() >= 18,
        "rate_7d": ht.history("7d", by="plant", of="failed").mean(),
        "hot": pl.col("heat").clip(-1, 1) * pl.col("rate_7d").fill_null(0.5),
    },
    train=train,
    retrain=ht.every(days=10),
)
'''
N_DAYS = 50
NOW = START + timedelta(days=N_DAYS, hours=9)


def make_rows() -> pl.DataFrame:
    rows = drifting_rows(n_days=N_DAYS + 2, rows_a_day=40, turns_on_day=99)
    plants = pl.Series("plant", ["north", "south", None, "west"] * (rows.height // 4))
    return rows.with_columns(plants).select("event", "at", "plant", "heat", "noise", "failed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("features")
    make_rows().filter(pl.col("at") <= NOW).write_parquet(place / "rows.parquet")
    (place / "loop.py").write_text(LOOP, encoding="utf-8")
    return place


@pytest.fixture(scope="module")
def project(folder: Path) -> Iterator[Project]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("holdtrue.project.project.ProcessEnvironment", lambda **_: InlineEnvironment())
        with open_project(folder / "loop.py", clock=VirtualClock(NOW)) as opened:
            trained = opened.make_controller().train_now("ordered by the test")
            assert isinstance(trained, Trained)
            assert trained.ruling.value == "passed", trained.sentence
            write_traffic_file(opened.store)
            yield opened
    for trainer in child._trainers.values():
        trainer.store.close()
    child._trainers.clear()


def test_what_a_server_answers_is_what_training_would_have_made_of_the_row(project: Project, folder: Path) -> None:
    later = make_rows().filter(pl.col("at") > NOW).head(60)
    replies = list(answer_rows(project.store.folder, "machines", ask(later)))
    assert not any("error" in reply for reply in replies), replies[0]
    online = np.array([list(reply["answer"]["probabilities"].values()) for reply in replies])

    known = derive_history(read_history(project.loop.table, folder=folder), project.loop)
    with project.store.reading() as tx:
        version = resolve_version(tx, "machines", CHAMPION)
    # The day of the requests has begun, and its next refresh has not: what training gathers for them is what is served.
    rows = read_frame(later, project.loop.table)
    offline = load_model(project.store.artifacts.get(version.artifact), version.format, version.signature).score(
        take_rows(rows.rows(until=START + timedelta(days=N_DAYS + 1)), version.signature, known=known)
    )
    assert len(offline) > 20
    np.testing.assert_allclose(online[: len(offline)], offline, rtol=0, atol=1e-6)


def test_a_batch_is_answered_as_the_server_answers_and_the_log_has_what_was_known_of_the_past(
    project: Project, folder: Path, tmp_path: Path
) -> None:
    later = make_rows().filter(pl.col("at") > NOW).head(30)
    later.drop("failed").write_parquet(tmp_path / "in.parquet")
    score_file(project, tmp_path / "in.parquet", tmp_path / "out.parquet")
    out = pl.read_parquet(tmp_path / "out.parquet")
    assert out["error"].null_count() == out.height
    assert out.columns[:5] == ["event", "at", "plant", "heat", "noise"]
    replies = list(answer_rows(project.store.folder, "machines", ask(later)))
    assert [reply["answer"]["probabilities"]["true"] for reply in replies] == pytest.approx(out["p_True"].to_list())

    log = project.make_controller().reader.read()
    logged = log["features"].struct.unnest()
    assert logged.columns == ["plant", "heat", "noise", "rate_7d"]
    known = logged.filter(pl.col("plant").is_not_null())["rate_7d"]
    assert known.null_count() == 0
    assert 0.2 < known.min() < known.max() < 0.8  # type: ignore[operator]
    assert logged.filter(pl.col("plant").is_null())["rate_7d"].null_count() > 0


def test_rows_of_the_past_are_scored_by_what_was_known_then(project: Project, folder: Path, tmp_path: Path) -> None:
    known = derive_history(read_history(project.loop.table, folder=folder), project.loop)
    day = START + timedelta(days=N_DAYS)
    (make_rows().filter(pl.col("at").is_between(day - timedelta(days=20), day + timedelta(hours=8)))).drop(
        "failed"
    ).write_parquet(tmp_path / "in.parquet")
    scored = score_file(project, tmp_path / "in.parquet", tmp_path / "out.parquet")
    assert scored.note == ""
    out = pl.read_parquet(tmp_path / "out.parquet")
    told = find_logged(project, out["prediction_id"].to_list())
    wanted = dict(known.frame.select("__key", "rate_7d").iter_rows())
    assert told == {key: pytest.approx(wanted[key], nan_ok=True) for key in told}
    assert len({round(rate, 9) for rate in told.values() if rate is not None}) > 10

    (folder / "rows.parquet").rename(folder / "away.parquet")
    try:
        with open_project(folder / "loop.py", clock=VirtualClock(NOW)) as opened:
            scored = score_file(opened, tmp_path / "in.parquet", tmp_path / "again.parquet")
    finally:
        (folder / "away.parquet").rename(folder / "rows.parquet")
    n_early = int((out["at"] < day).sum())
    assert scored.note.startswith(f"{n_early:,} rows are from before the last refresh")
    told = find_logged(project, pl.read_parquet(tmp_path / "again.parquet")["prediction_id"].to_list())
    kept = {key for key, rate in told.items() if rate is not None}
    assert kept
    assert kept <= set(out.filter(pl.col("at") >= day)["event"].cast(pl.String))


def find_logged(project: Project, ids: list[str]) -> dict[str, float | None]:
    """Return what the rows of these predictions took of the past, by key."""
    log = project.make_controller().reader.read().filter(pl.col("prediction_id").is_in(ids))
    assert log.height == len(ids)
    return dict(zip(log["key"], log["features"].struct.field("rate_7d"), strict=True))


def test_a_server_gives_a_row_of_the_past_nothing_that_was_known_later(project: Project, folder: Path) -> None:
    row = ask(make_rows().filter(pl.col("plant") == "north").head(1))[0]
    day = START + timedelta(days=N_DAYS)
    moments = {"old": day - timedelta(days=1, seconds=1), "near": day - timedelta(hours=23), "new": NOW}
    asked = [row | {"event": key, "at": moment.isoformat()} for key, moment in moments.items()]
    assert not any("error" in reply for reply in answer_rows(project.store.folder, "machines", asked))
    told = {each.key: each.features["rate_7d"] for each in read_log(folder) if each.key in moments}
    assert told["old"] is None
    assert told["near"] == told["new"] is not None


def ask(rows: pl.DataFrame) -> list[dict[str, object]]:
    """Return rows as requests carry them."""
    return [row | {"at": row["at"].isoformat()} for row in rows.drop("failed").iter_rows(named=True)]


def test_a_request_carries_the_raw_columns_alone(project: Project) -> None:
    row = ask(make_rows().filter(pl.col("at") > NOW).head(1))[0]
    (reply,) = answer_rows(project.store.folder, "machines", [row | {"is_late": True}])
    assert reply["error"]["code"] == "unknown_field"


def test_why_goes_by_what_the_row_took_of_the_past_then(project: Project, folder: Path) -> None:
    row = ask(make_rows().filter(pl.col("at") > NOW).head(1))[0] | {"event": "why"}
    list(answer_rows(project.store.folder, "machines", [row]))
    prediction = next(each for each in read_log(folder) if each.key == "why")
    changed = structs.replace(prediction, features={**prediction.features, "rate_7d": 0.123})
    parts = {part.feature: part.value for part in explain_prediction(project, changed).parts}
    assert parts["rate_7d"] == 0.123
    assert {"is_late", "hot", "heat"} <= set(parts)


def test_the_lookup_is_gathered_anew_at_each_refresh_and_says_of_when_it_is(project: Project) -> None:
    controller, folder = project.make_controller(), project.store.folder
    day = START + timedelta(days=N_DAYS)
    moments = []
    for now in (NOW, NOW + timedelta(hours=14), NOW + timedelta(hours=16)):
        controller.clock = VirtualClock(now)
        controller.lookups.refresh(now, lambda: controller.history(now))  # noqa: B023
        lookup = read_lookup_file(folder, "machines")
        assert lookup is not None
        moments += [table.refreshed_at for table in lookup.tables.values()]
    assert moments == [day, day, day + timedelta(days=1)]


def test_a_changed_lookup_is_read_once_beside_the_event_loop(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    readers: list[str] = []

    def read(folder: Path, loop: str) -> Lookup | None:
        readers.append(threading.current_thread().name)
        return read_lookup_file(folder, loop)

    monkeypatch.setattr(shelf, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(shelf, "read_lookup_file", read)
    engine, folder = Engine(project.store.folder, Counters()), project.store.folder
    with asyncio.Runner() as runner:
        runner.run(engine.pull())
        served = engine.served["machines"].champion
        before, written = served.shelf.take(), read_lookup_file(folder, "machines")
        assert written is not None
        tables = {name: replace(table, values={'["north"]': 0.321}) for name, table in written.tables.items()}
        write_lookup_file(folder, "machines", Lookup(tables=tables))
        assert served.shelf.take() is before
        readers.clear()
        runner.run(engine.refresh_lookups())
        runner.run(engine.refresh_lookups())
        assert [table.values for table in served.shelf.take().tables.values()] == [{'["north"]': 0.321}]
    write_lookup_file(folder, "machines", written)
    engine.close()
    assert len(readers) == 1
    assert readers[0] != threading.main_thread().name


def test_a_worker_computes_features_without_dataframes(project: Project) -> None:
    assert ask_lean_process(project, ask(make_rows().filter(pl.col("at") > NOW).head(1))[0]) == "(1, 2)"


def test_an_edited_expression_is_another_recipe(folder: Path) -> None:
    loop = load_loop(folder / "loop.py")
    edited = replace(loop, features={**loop.declared_features, "is_late": pl.col("at").dt.hour() >= 17})
    codes = [Fitter(loop=each, cache=MemoryCache(), artifacts=None) for each in (loop, edited)]  # type: ignore[arg-type]
    assert codes[0].code != codes[1].code
    assert {name for name, code in codes[0].codes.items() if codes[1].codes[name] != code} == {"feature is_late"}


def test_a_backtest_replays_what_each_refresh_had_gathered(folder: Path) -> None:
    result = run_backtest(load_loop(folder / "loop.py"), folder=folder, policies=["static"])
    assert {policy.policy for policy in result.policies} == {"static"}
