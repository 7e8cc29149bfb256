import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, SplineTransformer
from sklearn.svm import SVC

from holdtrue.errors import FormatRefused
from holdtrue.registry.skops_format import dump_skops, load_skops
from holdtrue.registry.structure import check_structure, walk_parts


def _hist(frame, late):
    return HistGradientBoostingClassifier(categorical_features="from_dtype", max_iter=3).fit(frame, late)


def _inner(model):
    nodes = model._predictors[0][0].nodes
    return nodes, int(np.flatnonzero(nodes["is_leaf"] == 0)[0])


@pytest.mark.parametrize(
    ("field", "value"), [("left", 0), ("right", 1_000_000), ("left", 4_294_967_295), ("feature_idx", 99)]
)
def test_a_tree_of_histogram_boosting_that_points_outside_is_refused(frame, late, field, value):
    """A walk along `left = 0` never ends, along the others it reads beyond the array."""
    model = _hist(frame, late)
    nodes, place = _inner(model)
    nodes[field][place] = value
    with pytest.raises(FormatRefused, match="do not fit together"):
        load_skops(dump_skops(model))


def test_a_category_split_without_its_bits_is_refused(frame, late):
    model = _hist(frame, late)
    nodes, place = _inner(model)
    nodes["is_categorical"][place], nodes["bitset_idx"][place] = 1, 77
    with pytest.raises(FormatRefused):
        load_skops(dump_skops(model))


@pytest.mark.parametrize("change", ["trees", "baseline", "columns"])
def test_parts_of_histogram_boosting_that_do_not_belong_together_are_refused(frame, late, change):
    model = _hist(frame, late)
    if change == "trees":
        model._predictors[1] = []
    elif change == "baseline":
        model._baseline_prediction = np.zeros((1, 3))
    else:
        model._bin_mapper.is_categorical_ = np.zeros(2, dtype=np.uint8)
    with pytest.raises(FormatRefused, match="HistGradientBoostingClassifier"):
        check_structure(model)


def test_a_forest_of_trees_with_other_features_is_refused(numbers, late):
    model = RandomForestClassifier(2, random_state=0).fit(numbers, late)
    other = RandomForestClassifier(2, random_state=0).fit(np.tile(numbers.to_numpy().astype(float), 9), late)
    model.estimators_[0] = other.estimators_[0]
    with pytest.raises(FormatRefused, match="RandomForestClassifier"):
        load_skops(dump_skops(model))


def test_boosting_that_would_write_beyond_its_answers_is_refused(numbers, minutes):
    model = GradientBoostingRegressor(n_estimators=4).fit(numbers, minutes)
    model.estimators_ = model.estimators_.reshape(2, 2)
    with pytest.raises(FormatRefused, match="GradientBoostingRegressor"):
        load_skops(dump_skops(model))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda state: state[1].__setitem__(0, 10**6),
        lambda state: state[2]["idx_end"].__setitem__(0, 10**6),
        lambda state: state[2]["is_leaf"].__setitem__(-1, 0),
    ],
)
def test_neighbours_outside_the_data_are_refused(numbers, late, spoil):
    model = KNeighborsClassifier(algorithm="kd_tree").fit(numbers, late)
    state = [part.copy() if isinstance(part, np.ndarray) else part for part in model._tree.__getstate__()]
    spoil(state)
    model._tree.__setstate__(tuple(state))
    with pytest.raises(FormatRefused, match="KDTree"):
        check_structure(model)


def test_supports_that_are_too_few_are_refused(numbers, late):
    model = SVC().fit(numbers, late)
    model._dual_coef_ = model._dual_coef_[:, :-3]
    with pytest.raises(FormatRefused, match="SVC"):
        load_skops(dump_skops(model))


def test_a_spline_with_fewer_coefficients_than_knots_is_refused(numbers, minutes):
    model = make_pipeline(SplineTransformer()).fit(numbers)
    model[0].bsplines_[0].c = model[0].bsplines_[0].c[:2].copy()
    with pytest.raises(FormatRefused, match="BSpline"):
        load_skops(dump_skops(model))


def test_codes_beyond_the_columns_of_a_one_hot_encoder_are_refused(frame):
    """Found by the harness (knnsp, seed 77): the sparse matrix of such codes ended the process in a product."""
    encoder = OneHotEncoder().fit(frame.select("place"))
    encoder._n_features_outs = [1]
    with pytest.raises(FormatRefused, match="OneHotEncoder"):
        load_skops(dump_skops(encoder))


def test_every_part_is_met_once(frame, late):
    model = _hist(frame, late)
    model.loop_back = [model, {"again": model}]
    parts = list(walk_parts(model))
    assert sum(part is model for part in parts) == 1
    assert sum(type(part).__name__ == "TreePredictor" for part in parts) == 3
