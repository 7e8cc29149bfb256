"""A declared slice is watched live: its alert names it, survives a restart, and closes itself."""

import shutil
import time
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import holdtrue as ht
from holdtrue.clock import VirtualClock
from holdtrue.data import record_labels
from holdtrue.domain import Alert, Cause, DecisionKind, LabelFact, LoopView
from holdtrue.loop import Trained, load_loop
from holdtrue.project import Project, StoredView, open_project, score_file
from holdtrue.report import tell_watched_slices
from holdtrue.testing.world import START
from project.small import make_controller

LOOP_FILE = """
from sklearn.ensemble import HistGradientBoostingClassifier

import holdtrue as ht


def train(data):
    return HistGradientBoostingClassifier(categorical_features="from_dtype", max_iter=20).fit(data.features, data.label)


loop = ht.Loop(
    "machines",
    data=ht.table("rows.parquet", key="event", time="at", label="failed", label_delay="12h"),
    train=train,
    retrain=ht.every(days=1000),
    monitor=[ht.slices({by})],
)
"""
A_DAY, LEARNED = 200, 40
PLANTS = {"a": 0.1, "b": 0.45, "c": 0.43, "d": 0.02}


def draw_rows(n_days: int, *, first_day: int = 0, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    n_rows = n_days * A_DAY
    heat = rng.normal(size=n_rows)
    return pl.DataFrame(
        {
            "event": [f"{first_day}-{i}" for i in range(n_rows)],
            "at": [START + timedelta(days=first_day + i / A_DAY) for i in range(n_rows)],
            "heat": heat,
            "plant": rng.choice(list(PLANTS), p=list(PLANTS.values()), size=n_rows),
            "failed": rng.random(n_rows) < 1 / (1 + np.exp(-2 * heat)),
        }
    )


def write_sliced_project(folder: Path, by: str = '"plant"') -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    draw_rows(LEARNED).write_parquet(folder / "rows.parquet")
    (folder / "loop.py").write_text(LOOP_FILE.replace("{by}", by), encoding="utf-8")
    return folder / "loop.py"


@pytest.fixture(scope="module")
def _sliced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    loop_file = write_sliced_project(tmp_path_factory.mktemp("sliced"))
    with at_day(loop_file.parent, LEARNED) as project:
        assert isinstance(make_controller(project).train_now("ordered by the test"), Trained)
    return loop_file.parent


@pytest.fixture
def sliced(tmp_path: Path, _sliced: Path) -> Path:
    return Path(shutil.copytree(_sliced, tmp_path / "project"))


def at_day(folder: Path, day: float):
    return open_project(folder / "loop.py", clock=VirtualClock(START + timedelta(days=day)))


def live_on(project: Project, folder: Path, rows: pl.DataFrame) -> None:
    """Answer the rows, and let their labels come half a day later."""
    rows.drop("failed").write_parquet(folder / "in.parquet")
    score_file(project, folder / "in.parquet", folder / "out.parquet")
    facts = [
        LabelFact(
            loop="machines", label=failed, at=at.timestamp() + 43_200, received_at=time.time(), key=event,
            prediction_id=None,
        )
        for event, at, failed in rows.select("event", "at", "failed").iter_rows()
    ]  # fmt: skip
    record_labels(project.store, facts)


def lose_meaning(rows: pl.DataFrame, *, plant: str, chance: float) -> pl.DataFrame:
    """Return rows of a plant whose labels are what they were no more: turned around with a chance."""
    turned = pl.Series(np.random.default_rng(9).random(rows.height) < chance) & (rows["plant"] == plant)
    return rows.with_columns(failed=pl.col("failed") ^ turned)


def look(project: Project) -> LoopView:
    make_controller(project).tick()
    return StoredView(project=project).overview().loops[0]


def about(loop: LoopView, *causes: Cause) -> list[Alert]:
    return [alert for alert in loop.alerts if alert.cause in causes]


def test_a_version_keeps_what_its_slices_lost_where_it_was_judged(sliced: Path) -> None:
    with at_day(sliced, LEARNED + 1) as project:
        loop = StoredView(project=project).overview().loops[0]
    assert loop.champion is not None
    (cut,) = loop.champion.slices
    assert cut.columns == ("plant",)
    known = {reference.name: reference for reference in cut.references}
    assert known["plant = b"].upper > known["plant = b"].mean
    assert known["plant = d"].upper is None
    metrics = loop.champion.metrics
    assert metrics["evaluation_auc_low"] < metrics["evaluation_auc"] < metrics["evaluation_auc_high"]
    assert "Not enough data to watch 1 slice: plant = d (" in " ".join(tell_watched_slices(loop.slices))


def test_a_slice_that_rises_opens_one_alert_that_a_restart_keeps_and_that_closes_itself(sliced: Path) -> None:
    calm = draw_rows(10, first_day=LEARNED, seed=1)
    risen = lose_meaning(draw_rows(15, first_day=LEARNED + 10, seed=2), plant="a", chance=0.5)
    over = draw_rows(40, first_day=LEARNED + 25, seed=3)
    with at_day(sliced, LEARNED + 10) as project:
        live_on(project, sliced, calm)
        assert about(look(project), Cause.RISK, Cause.SLICES) == []
        live_on(project, sliced, risen)
        project.clock.move_to(START + timedelta(days=LEARNED + 25))
        (alert,) = about(look(project), Cause.RISK, Cause.SLICES)
        assert alert.cause is Cause.SLICES
        assert "The risk has risen in plant = a (since the rise mean loss" in alert.sentence
        assert alert.evidence["slices"] == ["plant = a"]
    with at_day(sliced, LEARNED + 25.5) as project:
        again = look(project)
        assert [a.alert_id for a in about(again, Cause.SLICES)] == [alert.alert_id]
        assert [each.name for each in again.slices if each.has_risen] == ["plant = a"]
        live_on(project, sliced, over)
        project.clock.move_to(START + timedelta(days=LEARNED + 65))
        closed = look(project)
        assert about(closed, Cause.RISK, Cause.SLICES) == []
        assert not any(each.has_risen for each in closed.slices)
        with project.store.reading() as tx:
            assert len([a for a in tx.alerts.all("machines") if a.cause is Cause.SLICES]) == 1


def test_where_all_rows_have_risen_their_alert_names_the_slice_as_the_likely_place(sliced: Path) -> None:
    risen = lose_meaning(draw_rows(25, first_day=LEARNED, seed=4), plant="b", chance=0.9)
    with at_day(sliced, LEARNED + 25) as project:
        live_on(project, sliced, risen)
        (alert,) = about(look(project), Cause.RISK, Cause.SLICES)
    assert alert.cause is Cause.RISK
    assert "It lies in plant = b (4" in alert.sentence
    assert alert.evidence["places"][0]["slice"] == "plant = b"


def test_slices_that_were_declared_after_a_version_was_judged_wait_for_the_next(sliced: Path) -> None:
    (sliced / "loop.py").write_text(LOOP_FILE.replace("{by}", '"plant", "heat"'), encoding="utf-8")
    with at_day(sliced, LEARNED + 1) as project:
        loop = look(project)
    assert any("Slices by heat are watched from the next version on" in note for note in loop.notes)
    assert {each.name.split(" ")[0] for each in loop.slices} == {"plant"}


def test_slices_by_a_column_that_is_not_there_are_refused_before_any_work(tmp_path: Path) -> None:
    loop_file = write_sliced_project(tmp_path, by='"factory"')
    with at_day(loop_file.parent, LEARNED) as project:
        lost = make_controller(project).train_now("ordered by the test")
    assert "monitor= slices by 'factory', which is no column that these rows bring" in lost.sentence


def test_a_backtest_says_when_a_slice_would_have_been_alerted(tmp_path: Path) -> None:
    loop_file = write_sliced_project(tmp_path)
    later = lose_meaning(draw_rows(40, first_day=LEARNED, seed=5), plant="a", chance=0.5)
    pl.concat([draw_rows(LEARNED), later]).write_parquet(tmp_path / "rows.parquet")
    found = ht.run_backtest(load_loop(loop_file), folder=tmp_path, policies=["loop"], start_share=0.5)
    told = [each for each in found.told.decisions if each.action is DecisionKind.ALERTED]
    assert "The risk has risen in plant = a" in told[0].sentence
    assert all(each.version == 1 and "plant = a" in each.sentence for each in told)
