"""A pipeline of steps trains, is judged and replayed as one function does, and runs again only what must."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from holdtrue.backtest import run_backtest
from holdtrue.clock import VirtualClock
from holdtrue.data import History, read_history
from holdtrue.domain import Run
from holdtrue.environments import InlineEnvironment
from holdtrue.errors import TrainingFailed
from holdtrue.loop import Trained, child, load_loop
from holdtrue.loop.fitting import Fitter
from holdtrue.pipeline import StepCache
from holdtrue.project import open_project
from holdtrue.store import Store
from holdtrue.testing import drifting_rows
from holdtrue.testing.world import START

PIPELINE = '''"""Will the machine fail today? In three steps."""

import polars as pl
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

import holdtrue as ht

SHARE = 1.0


def rows(data: ht.Dataset, newest: int) -> pl.DataFrame:
    return data.features.with_columns(label=data.label).tail(newest)


def spread(rows: pl.DataFrame) -> StandardScaler:
    return StandardScaler().fit(rows.drop("label"))


def fit(rows: pl.DataFrame, spread: StandardScaler) -> LogisticRegression:
    strength = SHARE / float(spread.var_[0])
    return LogisticRegression(C=strength).fit(rows.drop("label"), rows["label"])


loop = ht.Loop(
    "machines",
    data=ht.table("rows.parquet", key="event", time="at", label="failed", label_delay="12h"),
    pipeline=[fit, rows, spread],
    parameters={"newest": 600},
    retrain=ht.every(days=10),
)
'''
TRAIN = PIPELINE.replace('pipeline=[fit, rows, spread],\n    parameters={"newest": 600},', "train=train,").replace(
    "loop = ", "def train(data):\n    given = rows(data, 600)\n    return fit(given, spread(given))\n\n\nloop = "
)
NOW = START + (drifting_rows(n_days=1)["at"][-1] - START) * 40


@pytest.fixture(autouse=True)
def _inline(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("holdtrue.project.project.ProcessEnvironment", lambda **_: InlineEnvironment())
    yield
    for trainer in child._trainers.values():
        trainer.store.close()
    child._trainers.clear()


@pytest.fixture
def loop_file(tmp_path: Path) -> Path:
    drifting_rows(n_days=60, rows_a_day=40, turns_on_day=60).write_parquet(tmp_path / "rows.parquet")
    path = tmp_path / "loop.py"
    path.write_text(PIPELINE, encoding="utf-8")
    return path


def train(loop_file: Path, *, text: str = PIPELINE) -> Run:
    """Train once and return the run."""
    loop_file.write_text(text, encoding="utf-8")
    with open_project(loop_file, clock=VirtualClock(NOW)) as project:
        trained = project.make_controller().train_now("ordered by the test")
        assert isinstance(trained, Trained), trained
        with project.store.reading() as tx:
            return tx.runs.all("machines")[-1]


def test_a_pipeline_trains_and_its_steps_stand_in_the_run(loop_file: Path) -> None:
    run = train(loop_file)
    assert run.result["ruling"] == "passed"
    assert [step.name for step in run.steps] == ["rows", "spread", "fit"] * 2
    assert not any(step.is_cached for step in run.steps)


@contextmanager
def fitting(loop_file: Path, text: str) -> Iterator[tuple[Fitter, History]]:
    """Give what fits a loop file with this text, and what is known."""
    loop_file.write_text(text, encoding="utf-8")
    loop = load_loop(loop_file)
    known = read_history(loop.table, folder=loop_file.parent, task=None, schema=None).known_at(NOW)
    with Store.open(loop_file.parent / "fits") as store:
        yield Fitter(loop=loop, cache=StepCache(store), artifacts=store.artifacts), known


def test_it_gives_the_model_that_one_function_of_the_same_steps_gives(loop_file: Path) -> None:
    scores = []
    for text in (PIPELINE, TRAIN):
        with fitting(loop_file, text) as (fitter, known):
            features = known.dataset().features
            scores += [fitter.fit(known, until=NOW)[1].score(features), fitter.refit(known).score(features)]
    assert all(np.array_equal(scores[0], other) for other in scores[1:])


@pytest.mark.parametrize(
    ("edit", "ran"),
    [
        (("SHARE = 1.0", "SHARE = 2.0"), ["fit"]),
        (("StandardScaler().fit(rows", "StandardScaler(with_mean=False).fit(rows"), ["spread", "fit"]),
        (('"newest": 600', '"newest": 500'), ["rows", "spread", "fit"]),
        (("In three steps", "In a few steps"), []),
        (("def fit(", "@ht.step(retries=2, timeout='1h')\ndef fit("), []),
        (("def fit(", "@ht.step(version=2)\ndef fit("), ["fit"]),
    ],
)
def test_an_edit_runs_again_what_depends_on_it(loop_file: Path, edit: tuple[str, str], ran: list[str]) -> None:
    with fitting(loop_file, PIPELINE) as (fitter, known):
        fitter.fit(known, until=NOW)
        before = fitter.code
    with fitting(loop_file, PIPELINE.replace(*edit)) as (fitter, known):
        fitter.fit(known, until=NOW)
    assert [record.name for record in fitter.records if not record.is_cached] == ran
    assert (fitter.code != before) == bool(ran)


def test_no_step_sees_what_another_did_to_its_rows(loop_file: Path) -> None:
    harsh = PIPELINE.replace(
        "    return data.features.with",
        "    data.features.replace_column(0, data.features.to_series(0).clip(-1, 1))\n    return data.features.with",
    )
    harsh = harsh.replace("def fit(rows: pl.DataFrame,", "def fit(data: ht.Dataset, rows: pl.DataFrame,")
    harsh = harsh.replace("    strength", "    assert data.features.to_series(0).max() > 1\n    strength")
    with fitting(loop_file, harsh) as (fitter, known):
        fitter.fit(known, until=NOW)
    assert [record.name for record in fitter.records] == ["rows", "spread", "fit"]


def test_a_backtest_replays_a_pipeline(loop_file: Path) -> None:
    result = run_backtest(load_loop(loop_file), folder=loop_file.parent, policies=["loop", "static"])
    assert {policy.policy for policy in result.policies} == {"loop", "static"}


def test_an_edge_to_nothing_is_said_when_the_file_is_read(loop_file: Path) -> None:
    loop_file.write_text(PIPELINE.replace("def fit(rows:", "def fit(rwos:"), encoding="utf-8")
    with pytest.raises(TrainingFailed, match=r"fit needs rwos.*write rows"):
        load_loop(loop_file)
