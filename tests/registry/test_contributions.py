"""Contributions of one row: they sum to answer less base, exactly from trees and by sampling elsewhere."""

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from holdtrue.domain import Column, Kind, Lineage, Loss, Method, ModelFormat, Scale, Schema, Signature, Task, Version
from holdtrue.errors import TrainingFailed
from holdtrue.registry import dump_model, explain_row, load_model

SCHEMA = Schema(
    (
        Column(name="a", kind=Kind.NUMBER),
        Column(name="b", kind=Kind.NUMBER),
        Column(name="noise", kind=Kind.NUMBER),
    )
)
ROW = [1.5, None, 0.25]
RNG = np.random.default_rng(2)
FRAME = pl.DataFrame(RNG.normal(size=(300, 3)), schema=["a", "b", "noise"])
SUM = FRAME["a"].to_numpy() + 0.5 * FRAME["b"].to_numpy()
REFERENCES = [list(row) for row in FRAME.head(16).rows()]


def sign(task: Task) -> Signature:
    classes = {Task.BINARY: (False, True), Task.MULTICLASS: (0, 1, 2), Task.REGRESSION: ()}[task]
    return Signature(schema=SCHEMA, task=task, label="y", classes=classes)


def label(task: Task) -> np.ndarray:
    return {Task.BINARY: SUM > 0, Task.MULTICLASS: np.digitize(SUM, [-0.5, 0.5]), Task.REGRESSION: SUM}[task]


def lightgbm(task: Task) -> object:
    from lightgbm import LGBMClassifier, LGBMRegressor

    kind = LGBMClassifier if task.has_classes else LGBMRegressor
    return kind(n_estimators=10, verbose=-1, n_jobs=1).fit(FRAME.to_pandas(), label(task))


def xgboost(task: Task) -> object:
    from xgboost import XGBClassifier, XGBRegressor

    kind = XGBClassifier if task.has_classes else XGBRegressor
    return kind(n_estimators=10, n_jobs=1).fit(FRAME.to_pandas(), label(task))


def forest(task: Task) -> object:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingClassifier if task.has_classes else HistGradientBoostingRegressor
    return kind(max_iter=10, random_state=0).fit(FRAME, label(task))


def explain(make: object, task: Task, **changes: object):
    signature = sign(task)
    stored = dump_model(make(task), task=task, n_features=3, signature=signature)
    scorer = load_model(stored.data, stored.format, signature)
    version = Version(
        loop="x", number=3, digest="d", artifact="a", format=ModelFormat.SKOPS, signature=signature,
        lineage=Lineage(run_id="r", dataset="d", trained_until=datetime(2024, 1, 1, tzinfo=UTC), code="c"),
        loss=Loss.for_classes(), created_at=datetime(2024, 1, 1, tzinfo=UTC), metrics={},
    )  # fmt: skip
    found = explain_row(scorer, version, ROW, **{"references": REFERENCES, **changes})
    return found, scorer.score_rows([ROW]).answers.reshape(-1)


@pytest.mark.parametrize("make", [lightgbm, xgboost, forest])
@pytest.mark.parametrize("task", list(Task))
def test_contributions_sum_to_answer_less_base(make, task):
    found, _ = explain(make, task)
    assert sum(part.amount for part in found.parts) == pytest.approx(found.answer - found.base, abs=1e-5)
    sizes = [abs(part.amount) for part in found.parts]
    assert sizes == sorted(sizes, reverse=True)
    assert {part.feature: part.value for part in found.parts} == dict(zip(SCHEMA.names, ROW, strict=True))
    assert found.parts[0].feature == "a"


@pytest.mark.parametrize("make", [lightgbm, xgboost])
def test_trees_tell_exactly_and_the_scale_says_what_they_sum_to(make):
    found, answer = explain(make, Task.BINARY)
    assert (found.method, found.scale, found.of) == (Method.EXACT, Scale.LOG_ODDS, True)
    assert 1 / (1 + np.exp(-found.answer)) == pytest.approx(answer[1], abs=1e-5)
    assert {part.standard_error for part in found.parts} == {None}
    number, answer = explain(make, Task.REGRESSION)
    assert (number.method, number.scale, number.of) == (Method.EXACT, Scale.ANSWER, None)
    assert number.answer == pytest.approx(answer[0], abs=1e-4)
    several, answer = explain(make, Task.MULTICLASS)
    assert (several.scale, several.of) == (Scale.SCORE, int(np.argmax(answer)))


def test_other_models_are_sampled_against_the_reference_rows():
    found, answer = explain(forest, Task.BINARY)
    assert (found.method, found.scale, found.n_references) == (Method.SAMPLED, Scale.PROBABILITY, 16)
    assert found.answer == pytest.approx(answer[1], abs=1e-12)
    assert 0 < found.n_calls <= 2_000
    assert all(part.standard_error is not None for part in found.parts)


def test_without_reference_rows_there_is_nothing_to_compare_with():
    with pytest.raises(TrainingFailed, match="no rows to compare"):
        explain(forest, Task.BINARY, references=[])
