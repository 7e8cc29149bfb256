import warnings

import numpy as np
import polars as pl
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.impute import SimpleImputer
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)
from sklearn.svm import SVC, SVR

from holdtrue.domain import ModelFormat, Task
from holdtrue.errors import FormatRefused, TrainingFailed
from holdtrue.registry import dump_model, load_model, name_format

from .conftest import NUMBERS, SCHEMA, make_signature


def _prepare(*, ordinal=False):
    text = (
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
        if ordinal
        else OneHotEncoder(handle_unknown="ignore")
    )
    return ColumnTransformer(
        [("numbers", make_pipeline(SimpleImputer(), StandardScaler()), ["age", "visits"]), ("text", text, ["place"])],
        remainder="passthrough",
    )


def _hist(**settings):
    return HistGradientBoostingClassifier(categorical_features="from_dtype", max_iter=10, **settings)


ON_THE_FRAME = {
    "hist": (_hist(), Task.BINARY),
    "hist, early stopping": (_hist(early_stopping=True, random_state=np.random.RandomState(1)), Task.MULTICLASS),
    "hist, numbers": (
        HistGradientBoostingRegressor(categorical_features="from_dtype", max_iter=10, loss="absolute_error"),
        Task.REGRESSION,
    ),
    "hist, poisson": (
        HistGradientBoostingRegressor(categorical_features=["place"], max_iter=5, loss="poisson"),
        Task.REGRESSION,
    ),
    "logistic pipeline": (make_pipeline(_prepare(), LogisticRegression()), Task.MULTICLASS),
    "ridge pipeline": (make_pipeline(_prepare(ordinal=True), Ridge()), Task.REGRESSION),
    "forest pipeline": (make_pipeline(_prepare(), RandomForestClassifier(5, n_jobs=2)), Task.BINARY),
    "calibrated hist": (CalibratedClassifierCV(_hist(), cv=3), Task.BINARY),
    "target encoder": (
        make_pipeline(
            ColumnTransformer([("text", TargetEncoder(random_state=0), ["place"])], remainder=SimpleImputer()),
            GaussianNB(),
        ),
        Task.BINARY,
    ),
    "dummy": (DummyClassifier(), Task.BINARY),
}

ON_NUMBERS = {
    "forest": (RandomForestRegressor(5), Task.REGRESSION),
    "extra trees": (ExtraTreesClassifier(5), Task.BINARY),
    "boosting": (GradientBoostingClassifier(n_estimators=5), Task.MULTICLASS),
    "boosting, huber": (GradientBoostingRegressor(n_estimators=5, loss="huber"), Task.REGRESSION),
    "neighbours": (KNeighborsClassifier(), Task.BINARY),
    "ball tree": (KNeighborsRegressor(algorithm="ball_tree"), Task.REGRESSION),
    "svc": (CalibratedClassifierCV(SVC(), ensemble=False), Task.BINARY),
    "svr": (SVR(), Task.REGRESSION),
    "stack": (
        StackingClassifier([("a", LogisticRegression(max_iter=1000)), ("b", RandomForestClassifier(3))]),
        Task.BINARY,
    ),
    "vote": (VotingClassifier([("a", GaussianNB()), ("b", GaussianNB())], voting="soft"), Task.MULTICLASS),
    "isotonic": (CalibratedClassifierCV(GaussianNB(), method="isotonic"), Task.BINARY),
    "network": (make_pipeline(StandardScaler(), MLPClassifier(max_iter=500, tol=0.1)), Task.BINARY),
    "sgd": (make_pipeline(StandardScaler(), SGDClassifier(loss="log_loss")), Task.BINARY),
    "ada": (AdaBoostClassifier(n_estimators=3), Task.BINARY),
    "bagging": (BaggingClassifier(n_estimators=3), Task.BINARY),
    "process": (GaussianProcessRegressor(alpha=1.0, optimizer=None), Task.REGRESSION),
    "search": (GridSearchCV(Ridge(), {"alpha": [1, 2]}, cv=3), Task.REGRESSION),
    "kernel": (make_pipeline(StandardScaler(), Nystroem(n_components=5), Ridge()), Task.REGRESSION),
    "glm": (make_pipeline(StandardScaler(), PoissonRegressor()), Task.REGRESSION),
    "splines": (make_pipeline(PolynomialFeatures(2), SplineTransformer(), Ridge()), Task.REGRESSION),
    "function": (make_pipeline(FunctionTransformer(np.log1p), Ridge()), Task.REGRESSION),
    "dummy": (DummyRegressor(strategy="median"), Task.REGRESSION),
}


def _fit(estimator, features, task, late, minutes):
    label = {
        Task.BINARY: late,
        Task.MULTICLASS: np.array(["early", "late", "never"])[np.abs(minutes).astype(int) % 3],
        Task.REGRESSION: np.abs(minutes),
    }[task]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator.fit(features, label)
    return (False, True) if task is Task.BINARY else ("early", "late", "never")


@pytest.mark.parametrize("name", ON_THE_FRAME)
def test_an_estimator_of_the_whole_frame_answers_the_same_after_storing(name, frame, late, minutes):
    estimator, task = ON_THE_FRAME[name]
    classes = _fit(estimator, frame, task, late, minutes)
    signature = make_signature(task, classes)
    stored = dump_model(estimator, task=task, n_features=4, signature=signature, sample=frame)
    scorer = load_model(stored.data, stored.format, signature)
    expected = estimator.predict_proba(frame) if task.has_classes else estimator.predict(frame)
    assert np.abs(scorer.score(frame) - expected).max() <= 1e-9
    assert np.abs(scorer.score_rows(frame.rows()[:3]).answers - expected[:3]).max() <= 1e-9


@pytest.mark.parametrize("name", ON_NUMBERS)
def test_an_estimator_of_numbers_answers_the_same_after_storing(name, numbers, late, minutes):
    estimator, task = ON_NUMBERS[name]
    classes = _fit(estimator, numbers, task, late, minutes)
    signature = make_signature(task, classes, NUMBERS)
    stored = dump_model(estimator, task=task, n_features=3, signature=signature, sample=numbers)
    assert stored.format is ModelFormat.SKOPS


def test_the_same_estimator_is_stored_as_the_same_bytes(frame, late):
    first, second = (_hist(random_state=0).fit(frame, late) for _ in range(2))
    assert dump_model(first, task=Task.BINARY, n_features=4) == dump_model(second, task=Task.BINARY, n_features=4)


def test_an_estimator_of_a_plain_matrix_is_fed_numbers_in_the_order_of_the_schema(numbers, late):
    matrix = numbers.to_numpy().astype(float)
    estimator = _hist().fit(matrix, late)
    signature = make_signature(schema=NUMBERS)
    stored = dump_model(estimator, task=Task.BINARY, n_features=3, signature=signature, sample=numbers)
    scorer = load_model(stored.data, stored.format, signature)
    assert np.array_equal(scorer.score(numbers), estimator.predict_proba(matrix))


def test_an_estimator_of_a_plain_matrix_is_refused_when_the_schema_has_text(frame, late):
    coded = frame.with_columns(pl.col("place").to_physical()).to_numpy().astype(float)
    with pytest.raises(FormatRefused, match=r"without names.*text in place"):
        dump_model(_hist().fit(coded, late), task=Task.BINARY, n_features=4, signature=make_signature())


def test_an_estimator_may_use_some_of_the_columns(frame, late):
    estimator = _hist().fit(frame.select("place", "visits"), late)
    stored = dump_model(estimator, task=Task.BINARY, n_features=4, signature=make_signature(), sample=frame)
    scorer = load_model(stored.data, stored.format, make_signature())
    assert np.array_equal(scorer.score(frame), estimator.predict_proba(frame.select("place", "visits")))


def test_an_estimator_of_columns_that_nobody_declared_is_refused(frame, late):
    estimator = _hist().fit(frame.with_columns(twice=pl.col("visits") * 2), late)
    with pytest.raises(FormatRefused, match=r"does not have: twice.*inside a pipeline"):
        dump_model(estimator, task=Task.BINARY, n_features=4, signature=make_signature())


class OwnTransformer(StandardScaler):
    """A class of the user's own."""


@pytest.mark.parametrize(
    ("estimator", "named"),
    [
        (make_pipeline(OwnTransformer(), Ridge()), "OwnTransformer"),
        (make_pipeline(FunctionTransformer(lambda frame: frame), Ridge()), "<lambda>"),
        (make_pipeline(FunctionTransformer(np.save), Ridge()), "save"),
    ],
)
def test_a_part_that_is_not_on_the_allow_list_is_refused_by_name(estimator, named, numbers, minutes):
    if named != "save":
        estimator.fit(numbers, minutes)
    else:
        estimator[1].fit(numbers, minutes)
    with pytest.raises(FormatRefused, match=named) as caught:
        dump_model(estimator, task=Task.REGRESSION, n_features=3)
    assert "scikit-learn estimators and pipelines" in str(caught.value)


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (None, "train returned nothing"),
        (3, "no predict_proba"),
        (SVC(), "CalibratedClassifierCV"),
        (LogisticRegression(), "not fitted"),
    ],
)
def test_what_is_no_fitted_model_is_a_failed_training(model, sentence):
    with pytest.raises(TrainingFailed, match=sentence):
        dump_model(model, task=Task.BINARY, n_features=4)


def test_a_model_that_is_no_scikit_learn_estimator_is_refused():
    class Own:
        def predict(self, frame):
            return frame

    with pytest.raises(FormatRefused, match=r"Own cannot be stored safely.*LGBMClassifier"):
        dump_model(Own(), task=Task.REGRESSION, n_features=4)


def test_a_model_that_takes_no_missing_values_is_a_failed_training(frame, late):
    estimator = make_pipeline(ColumnTransformer([("a", "passthrough", ["age"])]), LogisticRegression())
    estimator.fit(
        frame.drop_nulls(), late[frame["age"].is_not_null().to_numpy() & frame["place"].is_not_null().to_numpy()]
    )
    with pytest.raises(TrainingFailed, match="cannot answer these rows"):
        dump_model(estimator, task=Task.BINARY, n_features=4, signature=make_signature(), sample=frame)


def test_classes_are_put_in_the_order_of_the_signature(frame, minutes):
    words = np.array(["early", "late", "never"])[np.abs(minutes).astype(int) % 3]
    estimator = _hist().fit(frame, words)
    signature = make_signature(Task.MULTICLASS, ("never", "early", "late"))
    stored = dump_model(estimator, task=Task.MULTICLASS, n_features=4, signature=signature, sample=frame)
    scorer = load_model(stored.data, stored.format, signature)
    assert np.array_equal(scorer.score(frame), estimator.predict_proba(frame)[:, [2, 0, 1]])


def test_a_class_that_training_had_none_of_gets_no_probability(frame, minutes):
    words = np.where(np.abs(minutes).astype(int) % 2, "early", "late")
    signature = make_signature(Task.MULTICLASS, ("early", "late", "never"))
    estimator = _hist().fit(frame, words)
    stored = dump_model(estimator, task=Task.MULTICLASS, n_features=4, signature=signature, sample=frame)
    answers = load_model(stored.data, stored.format, signature).score(frame)
    assert answers.shape == (frame.height, 3)
    assert not answers[:, 2].any()


def test_classes_that_the_label_does_not_have_are_a_failed_training(frame, late):
    estimator = _hist().fit(frame, np.where(late, "yes", "no"))
    with pytest.raises(TrainingFailed, match=r"fitted on the classes \['no', 'yes'\]"):
        dump_model(estimator, task=Task.BINARY, n_features=4, signature=make_signature(), sample=frame)


def test_a_regression_that_answers_one_column_is_flattened(numbers, minutes):
    estimator = Ridge().fit(numbers, minutes.reshape(-1, 1))
    signature = make_signature(Task.REGRESSION, schema=NUMBERS)
    stored = dump_model(estimator, task=Task.REGRESSION, n_features=3, signature=signature, sample=numbers)
    assert load_model(stored.data, stored.format, signature).score(numbers).shape == (numbers.height,)


def test_a_signature_of_other_features_is_refused(frame, late):
    with pytest.raises(TrainingFailed, match="trained on 3 features"):
        dump_model(_hist().fit(frame, late), task=Task.BINARY, n_features=3, signature=make_signature(schema=SCHEMA))


@pytest.mark.parametrize(
    ("start", "named"),
    [
        (b"\x80\x05\x95", "pickle"),
        (b"cos\nsystem\n(S'true'\ntR.", "pickle"),
        (b"\x1f\x8b\x08", "joblib"),
        (b"\x78\x9c\x00", "joblib"),
        (b"\x89HDF\r\n", "keras"),
        (b"", "empty"),
        (b"hello", "nobody here knows"),
    ],
)
def test_files_of_other_forms_are_refused_by_their_first_bytes(start, named):
    with pytest.raises(FormatRefused, match=named):
        load_model(start, ModelFormat.SKOPS, make_signature())


def test_a_model_of_another_format_than_registered_is_refused(frame, late):
    stored = dump_model(_hist().fit(frame, late), task=Task.BINARY, n_features=4)
    assert name_format(stored.data) is ModelFormat.SKOPS
    with pytest.raises(FormatRefused, match="is skops"):
        load_model(stored.data, ModelFormat.LIGHTGBM, make_signature())
