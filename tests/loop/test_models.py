"""Each example of docs/models.md trains, passes its gate, is loaded by a server, and answers as its library does.

The example of a library that is not installed is left out.
"""

import asyncio
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from holdtrue.clock import VirtualClock
from holdtrue.domain import Ruling
from holdtrue.environments import InlineEnvironment
from holdtrue.loop import Trained, child
from holdtrue.project import open_project
from holdtrue.serving import write_traffic_file
from holdtrue.serving.answer.engine import Engine
from holdtrue.serving.counts.counter import Counters
from holdtrue.testing import drifting_rows
from holdtrue.testing.world import START

PAGE = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^## (\S+)\n```python\n(.*?)```", PAGE, re.MULTILINE | re.DOTALL)
(LOOP,) = re.findall(r"```python\n(import holdtrue as ht\n.*?)```", PAGE, re.DOTALL)
MODULES = {"scikit-learn": "sklearn"}
N_DAYS = 60
NOW = START + (drifting_rows(n_days=1)["at"][-1] - START) * (N_DAYS + 1)


@pytest.fixture(autouse=True)
def _inline(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("holdtrue.project.project.ProcessEnvironment", lambda **_: InlineEnvironment())
    yield
    for trainer in child._trainers.values():
        trainer.store.close()
    child._trainers.clear()


def answer_natively(name: str, model: Any, rows: pl.DataFrame) -> NDArray[np.float64]:
    """Return the chance of failure by the library's own words."""
    if name == "torch":
        torch = importlib.import_module("torch")
        with torch.no_grad():
            return np.asarray(model.eval()(torch.from_numpy(rows.to_numpy()).float()).numpy()[:, 0], dtype=np.float64)
    if name == "statsmodels":
        return np.asarray(model.predict(rows.to_pandas()))
    given = rows if name == "scikit-learn" else rows.to_pandas()
    return np.asarray(model.predict_proba(given)[:, 1], dtype=np.float64)


def test_the_page_has_an_example_of_each_library() -> None:
    assert [name for name, _ in BLOCKS] == ["scikit-learn", "LightGBM", "XGBoost", "CatBoost", "torch", "statsmodels"]


@pytest.mark.parametrize(("name", "text"), BLOCKS, ids=[name for name, _ in BLOCKS])
def test_the_example_trains_passes_serves_and_answers_as_its_library_does(name: str, text: str, tmp_path: Path) -> None:
    pytest.importorskip(MODULES.get(name, name.lower()))
    rows = drifting_rows(n_days=N_DAYS, rows_a_day=40, turns_on_day=N_DAYS)
    rows.write_parquet(tmp_path / "rows.parquet")
    path = tmp_path / "loop.py"
    path.write_text(f"{text}\n{LOOP}", encoding="utf-8")
    with open_project(path, clock=VirtualClock(NOW)) as project:
        controller = project.make_controller()
        trained = controller.train_now("ordered by the test")
        assert isinstance(trained, Trained), trained
        assert trained.ruling is Ruling.PASSED
        write_traffic_file(project.store)
        known = controller.history(NOW).known_at(NOW).dataset()
        model = project.loop.train(known) if project.loop.train is not None else None
        engine = Engine(project.store.folder, Counters())
        asyncio.run(engine.pull())
        features = known.features.head(200)
        answers = engine.served["machines"].champion.scorer.score_rows(features.rows()).answers
        engine.close()
    assert answers[:, 1] == pytest.approx(answer_natively(name, model, features), abs=1e-5)
