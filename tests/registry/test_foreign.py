"""Models of libraries whose own files are not kept become ONNX that answers as they do; the rest is refused by name.

A library that is not installed leaves its tests out.
"""

from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from holdtrue.domain import Column, Kind, ModelFormat, Schema, Signature, Task
from holdtrue.errors import FormatRefused, TrainingFailed
from holdtrue.registry import Scorer, dump_model, load_model

NAMES = ("age", "heat", "load")


def make_rows(*, seed: int = 0, n_rows: int = 400) -> pl.DataFrame:
    dice = np.random.default_rng(seed)
    return pl.DataFrame({name: dice.normal(size=n_rows) for name in NAMES})


def sign(task: Task, classes: tuple[Any, ...] = (), *, extra: Column | None = None) -> Signature:
    columns = [Column(name=name, kind=Kind.NUMBER, nullable=True, low=-3.0, high=3.0) for name in NAMES]
    schema = Schema(columns=(*columns, *([] if extra is None else [extra])))
    return Signature(schema=schema, task=task, label="y", classes=classes)


def keep(model: object, signature: Signature, rows: pl.DataFrame) -> Scorer:
    """Store a model, load it again, and return what scores with it."""
    n_columns = len(signature.schema.columns)
    stored = dump_model(model, task=signature.task, n_features=n_columns, signature=signature, sample=rows)
    again = dump_model(model, task=signature.task, n_features=n_columns, signature=signature, sample=rows)
    assert stored.format is ModelFormat.ONNX
    assert stored.data == again.data
    return load_model(stored.data, stored.format, signature)


LABELS: dict[str, tuple[Task, NDArray[Any], tuple[Any, ...]]] = {
    "booleans": (Task.BINARY, make_rows()["heat"].to_numpy() > 0, (False, True)),
    "texts": (Task.BINARY, np.where(make_rows()["heat"].to_numpy() > 0, "y", "n"), ("n", "y")),
    "three": (Task.MULTICLASS, np.digitize(make_rows()["heat"].to_numpy(), [-0.5, 0.5]), (0, 1, 2)),
    "numbers": (Task.REGRESSION, make_rows()["heat"].to_numpy() * 1e4, ()),
}


@pytest.mark.parametrize("policy", ["SymmetricTree", "Lossguide"])
@pytest.mark.parametrize("labels", LABELS)
def test_catboost_answers_as_in_memory(labels: str, policy: str) -> None:
    catboost = pytest.importorskip("catboost")
    task, label, classes = LABELS[labels]
    rows = make_rows().with_columns(age=pl.when(pl.col("age") > 1).then(None).otherwise(pl.col("age")))
    kind = catboost.CatBoostClassifier if task.has_classes else catboost.CatBoostRegressor
    model = kind(iterations=20, depth=4, verbose=0, allow_writing_files=False, thread_count=1, grow_policy=policy)
    model.fit(rows.select("heat", "age").to_pandas(), label)
    scorer = keep(model, sign(task, classes), rows)
    given = rows.select("heat", "age").to_pandas()
    native = model.predict_proba(given) if task.has_classes else model.predict(given)
    assert scorer.score(rows) == pytest.approx(np.asarray(native), rel=1e-9)


def test_catboost_with_categories_is_refused_with_what_to_do() -> None:
    catboost = pytest.importorskip("catboost")
    frame = make_rows().to_pandas()
    frame["load"] = np.where(frame["load"] > 0, "a", "b")
    model = catboost.CatBoostClassifier(iterations=3, verbose=0, allow_writing_files=False, cat_features=["load"])
    model.fit(frame, frame["heat"] > 0)
    with pytest.raises(FormatRefused, match="categorical features"):
        keep(model, sign(Task.BINARY, (False, True)), make_rows())


def test_catboost_that_is_not_fitted_or_of_another_task_is_refused() -> None:
    catboost = pytest.importorskip("catboost")
    with pytest.raises(TrainingFailed, match="not fitted"):
        keep(catboost.CatBoostClassifier(), sign(Task.BINARY, (False, True)), make_rows())
    model = catboost.CatBoostRegressor(iterations=3, verbose=0, allow_writing_files=False)
    model.fit(make_rows().to_pandas(), make_rows()["heat"])
    with pytest.raises(TrainingFailed, match="of the loss RMSE"):
        keep(model, sign(Task.BINARY, (False, True)), make_rows())


@pytest.mark.parametrize(("task", "n_outputs"), [(Task.BINARY, 1), (Task.MULTICLASS, 3), (Task.REGRESSION, 1)])
def test_torch_answers_as_in_memory(task: Task, n_outputs: int) -> None:
    torch = pytest.importorskip("torch")
    nn = torch.nn
    torch.manual_seed(0)
    ends = {Task.BINARY: nn.Sigmoid(), Task.MULTICLASS: nn.Softmax(dim=1), Task.REGRESSION: nn.Identity()}
    layers = [nn.Linear(3, 8), nn.ReLU(), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, n_outputs), ends[task]]
    model = nn.Sequential(*layers)
    model.train()
    rows, classes = make_rows(), {1: (False, True), 3: (0, 1, 2)}[n_outputs]
    scorer = keep(model, sign(task, classes if task.has_classes else ()), rows)
    assert model.training, "what train returned stays as it was"
    model.eval()
    with torch.no_grad():
        native = model(torch.from_numpy(rows.to_numpy()).float()).numpy()
    answers = scorer.score(rows)
    shown = answers[:, 1:] if task is Task.BINARY else answers.reshape(len(rows), -1)
    assert shown == pytest.approx(native, abs=1e-5)


def test_a_torch_module_without_probabilities_or_of_another_width_is_refused() -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(TrainingFailed, match="no probabilities"):
        keep(torch.nn.Sequential(torch.nn.Linear(3, 2)), sign(Task.BINARY, (False, True)), make_rows())
    with pytest.raises(TrainingFailed, match="cannot answer rows of shape"):
        keep(torch.nn.Sequential(torch.nn.Linear(5, 1)), sign(Task.REGRESSION), make_rows())


def test_columns_are_taken_by_name_beside_a_column_of_text() -> None:
    rows = make_rows().with_columns(site=pl.Series(["a", "b"] * 200, dtype=pl.Enum(["a", "b"])))
    signature = sign(Task.REGRESSION, extra=Column(name="site", kind=Kind.TEXT, nullable=False, levels=("a", "b")))
    fit = Fit("OLS", ["const", "load", "age"], [0.5, -1.25, 2.0])
    native = fit.predict(np.column_stack([np.ones(len(rows)), rows["load"], rows["age"]]))
    assert keep(fit, signature, rows).score(rows) == pytest.approx(native, rel=1e-12)
    with pytest.raises(FormatRefused, match="takes the text columns site"):
        keep(Fit("OLS", ["site"], [1.0]), signature, rows)


def test_a_missing_value_in_a_column_that_is_not_taken_changes_nothing() -> None:
    rows = make_rows().with_columns(heat=pl.lit(None, dtype=pl.Float64))
    answers = keep(Fit("OLS", ["load"], [2.0]), sign(Task.REGRESSION), rows).score(rows)
    assert answers == pytest.approx(2.0 * rows["load"].to_numpy())


class Fit:
    """The result of a fit as statsmodels gives it, made by hand."""

    def __init__(self, kind: str, terms: list[str], params: list[float], **more: object) -> None:
        rows = make_rows().with_columns(const=pl.lit(1.0), site=pl.lit(1.0))
        exog = np.column_stack([rows[term] if term in rows.columns else rows["age"] for term in terms])
        data = SimpleNamespace(orig_exog=SimpleNamespace(columns=terms))
        self.model = type(kind, (), {"exog_names": terms, "exog": exog, "data": data, **more})()
        self.params = np.array(params)

    def predict(self, given: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        rows = self.model.exog if given is None else given
        total: NDArray[np.float64] = rows @ self.params
        kind = type(self.model).__name__
        if kind == "Logit":
            return np.asarray(1 / (1 + np.exp(-total)), dtype=np.float64)
        return np.asarray(np.exp(total), dtype=np.float64) if kind == "Poisson" else total


@pytest.mark.parametrize("kind", ["OLS", "Logit", "Poisson"])
def test_a_linear_model_answers_as_in_memory(kind: str) -> None:
    signature = sign(Task.BINARY, (False, True)) if kind == "Logit" else sign(Task.REGRESSION)
    fit, rows = Fit(kind, ["const", "load", "age"], [0.5, -1.25, 2.0]), make_rows()
    answers = keep(fit, signature, rows).score(rows)
    native = fit.predict(np.column_stack([np.ones(len(rows)), rows["load"], rows["age"]]))
    assert (answers[:, 1] if kind == "Logit" else answers) == pytest.approx(native, rel=1e-12)


@pytest.mark.parametrize(
    ("fit", "found"),
    [
        (Fit("Probit", ["age"], [1.0]), "of the kind Probit cannot be stored"),
        (Fit("OLS", ["np.log(age)"], [1.0]), "columns that the schema does not have: np.log"),
        (Fit("Poisson", ["age"], [1.0], offset=np.ones(3)), "fitted with offset="),
        (Fit("GLM", ["age"], [1.0], family=SimpleNamespace(link=SimpleNamespace())), "with the link SimpleNamespace"),
    ],
    ids=["probit", "term", "offset", "link"],
)
def test_a_linear_model_that_cannot_be_said_in_onnx_is_refused(fit: Fit, found: str) -> None:
    with pytest.raises(FormatRefused, match=found):
        keep(fit, sign(Task.REGRESSION), make_rows())


def test_a_linear_model_of_another_task_or_with_nan_is_refused() -> None:
    with pytest.raises(TrainingFailed, match="answers with a share"):
        keep(Fit("Logit", ["age"], [1.0]), sign(Task.REGRESSION), make_rows())
    with pytest.raises(TrainingFailed, match="not finite"):
        keep(Fit("OLS", ["age"], [np.nan]), sign(Task.REGRESSION), make_rows())


@pytest.mark.parametrize("kind", ["ols", "glm", "logit"])
def test_what_statsmodels_fits_by_formula_or_by_matrix_answers_as_in_memory(kind: str) -> None:
    api = pytest.importorskip("statsmodels.api")
    formulas = pytest.importorskip("statsmodels.formula.api")
    rows = make_rows()
    frame = rows.to_pandas()
    frame["y"] = (frame["heat"] + np.random.default_rng(1).normal(size=len(frame)) > 0).astype(int)
    if kind == "ols":
        fit = api.OLS(frame["y"], api.add_constant(frame[["heat", "age"]])).fit()
    elif kind == "glm":
        fit = formulas.glm("y ~ age + heat", frame, family=api.families.Binomial()).fit()
    else:
        fit = formulas.logit("y ~ age + heat", frame).fit(disp=0)
    signature = sign(Task.REGRESSION) if kind == "ols" else sign(Task.BINARY, (0, 1))
    answers = keep(fit, signature, rows).score(rows)
    given = api.add_constant(frame[["heat", "age"]]) if kind == "ols" else frame
    assert (answers if kind == "ols" else answers[:, 1]) == pytest.approx(fit.predict(given).to_numpy(), rel=1e-9)


def test_a_model_that_answers_otherwise_than_its_numbers_say_is_refused() -> None:
    class Liar(Fit):
        def predict(self, given: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
            return super().predict(given) + 1.0

    with pytest.raises(FormatRefused, match="answers differently from the one in memory"):
        keep(Liar("OLS", ["age"], [1.0]), sign(Task.REGRESSION), make_rows())


def sign_rows(rows: pl.DataFrame) -> Signature:
    columns = [
        Column(name=name, kind=Kind.NUMBER, nullable=True, low=float(rows[name].min()), high=float(rows[name].max()))  # type: ignore[arg-type]
        for name in rows.columns
    ]
    return Signature(schema=Schema(columns=tuple(columns)), task=Task.REGRESSION, label="y")


def make_numbered() -> tuple[pl.DataFrame, NDArray[np.float64]]:
    rows = make_rows().rename({"age": "x1", "heat": "x2", "load": "x3"})
    return rows, rows.to_numpy() @ np.array([100.0, 1.0, 2.0]) + 5.0


@pytest.mark.parametrize("with_constant", [False, True])
def test_a_matrix_of_some_columns_is_refused_whatever_names_statsmodels_makes_up(with_constant: bool) -> None:
    api = pytest.importorskip("statsmodels.api")
    rows, y = make_numbered()
    given = rows.select("x2", "x3").to_numpy()
    fit = api.OLS(y, api.add_constant(given) if with_constant else given).fit()
    with pytest.raises(FormatRefused, match=r"matrix without names.*pandas frame"):
        keep(fit, sign_rows(rows), rows)


@pytest.mark.parametrize("with_constant", [False, True])
@pytest.mark.parametrize("prefix", ["x", "number_"])
def test_a_matrix_of_all_columns_has_its_weights_in_the_order_of_the_schema(prefix: str, with_constant: bool) -> None:
    api = pytest.importorskip("statsmodels.api")
    rows, y = make_numbered()
    rows = rows.rename({"x1": f"{prefix}1", "x2": f"{prefix}2", "x3": f"{prefix}3"}).select(pl.all().reverse())
    given = api.add_constant(rows.to_numpy()) if with_constant else rows.to_numpy()
    fit = api.OLS(y, given).fit()
    assert keep(fit, sign_rows(rows), rows).score(rows) == pytest.approx(fit.fittedvalues, rel=1e-9)


def test_a_matrix_in_another_order_is_refused_by_its_rows() -> None:
    api = pytest.importorskip("statsmodels.api")
    rows, y = make_numbered()
    with pytest.raises(FormatRefused, match="fitted on other numbers than the table's"):
        keep(api.OLS(y, rows.select("x3", "x1", "x2").to_numpy()).fit(), sign_rows(rows), rows)


@pytest.mark.parametrize("name", ["const", "Intercept", "intercept"])
@pytest.mark.parametrize("way", ["frame", "formula"])
def test_a_column_that_is_called_as_the_constant_is_taken_as_the_column(name: str, way: str) -> None:
    api = pytest.importorskip("statsmodels.api")
    formulas = pytest.importorskip("statsmodels.formula.api")
    rows = make_rows().rename({"heat": name})
    y = rows["age"].to_numpy() + 3.0 * rows[name].to_numpy() + 7.0
    if (name, way) == ("Intercept", "formula"):
        pytest.skip("two terms of this name are refused by patsy")
    if way == "frame":
        fit = api.OLS(y, rows.select("age", name).to_pandas()).fit()
    else:
        fit = formulas.ols(f"y ~ age + {name}", rows.with_columns(y=pl.Series(y)).to_pandas()).fit()
    assert keep(fit, sign_rows(rows), rows).score(rows) == pytest.approx(np.asarray(fit.fittedvalues), rel=1e-9)


def test_an_added_constant_beside_a_column_of_its_name_is_the_constant() -> None:
    formulas = pytest.importorskip("statsmodels.formula.api")
    rows = make_rows().rename({"heat": "Intercept"})
    fit = formulas.ols("y ~ age", rows.with_columns(y=2.0 * pl.col("age") + 7.0).to_pandas()).fit()
    assert keep(fit, sign_rows(rows), rows).score(rows) == pytest.approx(np.asarray(fit.fittedvalues), rel=1e-9)


def test_a_model_of_scaled_columns_or_without_its_rows_is_refused() -> None:
    api = pytest.importorskip("statsmodels.api")
    rows, y = make_numbered()
    with pytest.raises(FormatRefused, match="fitted on other numbers than the table's"):
        keep(api.OLS(y, (rows * 2.0).to_pandas()).fit(), sign_rows(rows), rows)
    fit = Fit("OLS", ["age"], [1.0])
    del type(fit.model).exog
    with pytest.raises(FormatRefused, match="does not have the rows"):
        keep(fit, sign(Task.REGRESSION), make_rows())
