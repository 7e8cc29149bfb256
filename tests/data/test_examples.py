import ast
import importlib.util
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from holdtrue.data import History, check_frame, conform, read_history
from holdtrue.domain import Loop, Task

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = ("finance", "retail", "healthcare", "manufacturing")


def load_example(name: str) -> tuple[Loop, History]:
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / name / "loop.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.loop, read_history(module.loop.data, folder=EXAMPLES / name)


@pytest.mark.parametrize("name", NAMES)
def test_an_example_trains_on_what_was_known_and_scores_what_came_next(name: str) -> None:
    loop, history = load_example(name)
    moment = history.frame["__time"][400]
    dataset = history.known_at(moment).dataset()
    model = loop.train(dataset)
    later = conform(history.rows(since=moment, until=moment + timedelta(days=400)).frame.head(50), dataset.schema)
    answers = model.predict_proba(later) if history.task.has_classes else model.predict(later)  # type: ignore[attr-defined]
    assert len(answers) == len(later)
    assert np.isfinite(answers).all()
    assert check_frame(dataset.features, dataset.schema) == []


@pytest.mark.parametrize(
    ("name", "n_rows", "task", "leak"),
    [
        ("finance", 41_188, Task.BINARY, "duration"),
        ("retail", 17_379, Task.REGRESSION, "casual"),
        ("healthcare", 1_432, Task.REGRESSION, "week_start"),
        ("manufacturing", 6_697, Task.MULTICLASS, "concentration_ppmv"),
    ],
)
def test_an_example_holds_all_its_rows_and_no_leak(name: str, n_rows: int, task: Task, leak: str) -> None:
    _, history = load_example(name)
    assert (history.n_rows, history.task) == (n_rows, task)
    assert leak not in history.feature_names


def test_no_flu_label_is_known_before_it_was_published() -> None:
    _, history = load_example("healthcare")
    assert history.label_delay == timedelta(days=28)
    known = history.known_at(history.frame["__time"][100])
    assert known.n_rows == 101
    assert known.dataset().n_rows <= 97


@pytest.mark.parametrize("name", NAMES)
def test_the_train_of_an_example_is_short(name: str) -> None:
    tree = ast.parse((EXAMPLES / name / "loop.py").read_text())
    train = next(node for node in tree.body if isinstance(node, ast.FunctionDef))
    assert (train.end_lineno or 0) - train.lineno + 1 < 12
