"""Structure: whether the arrays inside a loaded estimator fit together.

scikit-learn's compiled code follows the indices that a model holds without checking them, so a type allow-list is not
enough: a crafted file of allowed types could read beyond an array, or walk in a circle for ever
(https://github.com/scikit-learn/scikit-learn/pull/34558). What is checked here is what that code relies on.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdtrue.errors import FormatRefused

_BITSET_WORDS = 8  # 256 categories, 32 to a word


def check_structure(estimator: object) -> None:
    """Refuse an estimator whose trees, neighbours, supports or splines point outside their arrays.

    Raises:
        FormatRefused: it names the part.
    """
    for part in walk_parts(estimator):
        mark, check = _CHECKS.get(type(part).__name__, ("", _fits_its_tree))
        if mark and mark not in vars(part):
            continue  # the prototype in a meta-estimator: not fitted, so it cannot answer
        try:
            is_sound = check(part)
        except (AttributeError, TypeError, ValueError, KeyError, IndexError, OverflowError) as error:
            raise _broken(part) from error
        if not is_sound:
            raise _broken(part)


def walk_parts(estimator: object) -> Iterator[Any]:
    """Yield an estimator and everything that it is made of, each object once."""
    waiting: list[object] = [estimator]
    seen: set[int] = set()
    kept: list[object] = []  # an id is only unique while its object lives
    while waiting:
        part = waiting.pop()
        if id(part) in seen or isinstance(part, str | bytes | int | float | bool | None):
            continue
        seen.add(id(part))
        kept.append(part)
        yield part
        if isinstance(part, dict):
            waiting.extend(part.values())
        elif isinstance(part, list | tuple | set):
            waiting.extend(part)
        elif isinstance(part, np.ndarray):
            if part.dtype == object:
                waiting.extend(part.ravel().tolist())
        elif hasattr(part, "__dict__") and not isinstance(part, type):
            waiting.extend(vars(part).values())


def _broken(part: object) -> FormatRefused:
    return FormatRefused(
        f"the arrays of a {type(part).__name__} in the file do not fit together",
        expected="a model as scikit-learn fitted it",
        remedy="do not use this file; store the estimator again from where it was trained",
    )


def _is_within(indices: NDArray[Any], size: int) -> bool:
    return bool(np.all((indices >= 0) & (indices < size)))


def _is_downward(left: NDArray[Any], right: NDArray[Any], parents: NDArray[Any], n_nodes: int) -> bool:
    """Say whether all children come after their parents: then every walk ends, and inside the array."""
    return all(
        bool(np.all((children.astype(np.int64) > parents) & (children.astype(np.int64) < n_nodes)))
        for children in (left, right)
    )


def _check_tree(tree: Any) -> bool:
    left, right = tree.children_left, tree.children_right
    parents = np.flatnonzero(left != -1)
    return bool(
        tree.node_count >= 1
        and _is_downward(left[parents], right[parents], parents, tree.node_count)
        and _is_within(tree.feature[parents], tree.n_features)
    )


def _check_predictor(predictor: Any) -> bool:
    nodes, bitsets = predictor.nodes, predictor.raw_left_cat_bitsets
    parents = np.flatnonzero(nodes["is_leaf"] == 0)
    inner = nodes[parents]
    splits = inner[inner["is_categorical"] != 0]
    return bool(
        nodes.ndim == 1
        and len(nodes) >= 1
        and bitsets.ndim == 2
        and bitsets.shape[1] == _BITSET_WORDS
        and _is_downward(inner["left"], inner["right"], parents, len(nodes))
        and _is_within(splits["bitset_idx"].astype(np.int64), len(bitsets))
    )


def _check_histograms(model: Any) -> bool:
    mapper, n_features, n_trees = model._bin_mapper, int(model._n_features), model.n_trees_per_iteration_
    trees = [tree for iteration in model._predictors for tree in iteration]
    used = [tree.nodes["feature_idx"][tree.nodes["is_leaf"] == 0] for tree in trees]
    categorical = [tree.nodes["feature_idx"][tree.nodes["is_categorical"] != 0] for tree in trees]
    return (
        n_features == int(model.n_features_in_) == mapper.is_categorical_.size == len(mapper.bin_thresholds_)
        and all(len(iteration) == n_trees for iteration in model._predictors)
        and model._baseline_prediction.shape == (1, n_trees)
        and all(_is_within(features, n_features) for features in used)
        and all(bool(mapper.is_categorical_[features].all()) for features in categorical)
        and (model._preprocessor is None or _count_outputs(model._preprocessor) == n_features)
    )


def _count_outputs(preprocessor: Any) -> int:
    return sum(part.stop - part.start for part in preprocessor.output_indices_.values())


def _check_stages(model: Any) -> bool:
    return bool(
        model.estimators_.ndim == 2
        and model.estimators_.shape[1] == model.n_trees_per_iteration_
        and all(
            tree.tree_.n_features == model.n_features_in_ and tree.tree_.value.shape[1:] == (1, 1)
            for tree in model.estimators_.ravel()
        )
    )


def _check_forest(model: Any) -> bool:
    return all(tree.tree_.n_features == model.n_features_in_ for tree in model.estimators_)


def _check_neighbours(tree: Any) -> bool:
    data, order, nodes, bounds, _, _, n_nodes, *_ = tree.__getstate__()
    inner = np.flatnonzero(nodes["is_leaf"] == 0)
    return bool(
        n_nodes == len(nodes) == bounds.shape[1] >= 1
        and bounds.shape[2] == data.shape[1]
        and _is_within(order, len(data))
        and np.all((nodes["idx_start"] >= 0) & (nodes["idx_start"] <= nodes["idx_end"]))
        and np.all(nodes["idx_end"] <= len(order))
        and np.all(2 * inner + 2 < n_nodes)
    )


def _check_one_hot(encoder: Any) -> bool:
    """Say whether all codes of a OneHotEncoder are columns: it builds a sparse matrix of them that nobody checks."""
    counts = encoder._compute_n_features_outs()
    dropped = encoder._drop_idx_after_grouping
    kept = [0] * len(counts) if dropped is None else [0 if place is None else 1 for place in dropped]
    widths = [count + one for count, one in zip(counts, kept, strict=True)]
    mappings = encoder._default_to_infrequent_mappings if encoder._infrequent_enabled else [None] * len(counts)
    return (
        counts == list(encoder._n_features_outs)
        and min(counts, default=0) >= 0
        and (dropped is None or all(d is None or 0 <= d < w for d, w in zip(dropped, widths, strict=True)))
        and all(
            mapping is None or (mapping.shape == (len(levels),) and _is_within(mapping, width))
            for mapping, levels, width in zip(mappings, encoder.categories_, widths, strict=True)
        )
    )


def _check_sparse(matrix: Any) -> bool:
    matrix.check_format(full_check=True)  # raises ValueError
    return True


def _check_supports(model: Any) -> bool:
    coefficients = model._dual_coef_
    n_classes = len(model._n_support) if hasattr(model, "classes_") else 2
    n_supports = int(model._n_support.sum()) if hasattr(model, "classes_") else len(model.support_vectors_)
    return bool(
        np.all(model._n_support >= 0)
        and model.support_vectors_.shape == (n_supports, model.shape_fit_[1])
        and coefficients.shape == (n_classes - 1, n_supports)
        and getattr(coefficients, "nnz", (n_classes - 1) * n_supports) == (n_classes - 1) * n_supports
        and model._intercept_.shape == (n_classes * (n_classes - 1) // 2,)
        and model._probA.size == model._probB.size
        and model._probA.size in (0, n_classes * (n_classes - 1) // 2)
    )


def _check_spline(spline: Any) -> bool:
    n_bases = len(spline.t) - spline.k - 1
    return bool(
        spline.t.ndim == 1
        and 0 <= spline.k < 20
        and n_bases > spline.k
        and len(spline.c) >= n_bases
        and np.all(np.isfinite(spline.t))
        and np.all(np.diff(spline.t) >= 0)
    )


def _fits_its_tree(part: Any) -> bool:
    """Say whether a single decision tree takes as many features as the estimator around it lets through."""
    tree = getattr(part, "__dict__", {}).get("tree_")
    return tree is None or tree.n_features == part.n_features_in_


_CHECKS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "BSpline": ("", _check_spline),
    "BallTree": ("", _check_neighbours),
    "BallTree64": ("", _check_neighbours),
    "ExtraTreesClassifier": ("estimators_", _check_forest),
    "ExtraTreesRegressor": ("estimators_", _check_forest),
    "GradientBoostingClassifier": ("estimators_", _check_stages),
    "GradientBoostingRegressor": ("estimators_", _check_stages),
    "HistGradientBoostingClassifier": ("_predictors", _check_histograms),
    "HistGradientBoostingRegressor": ("_predictors", _check_histograms),
    "KDTree": ("", _check_neighbours),
    "KDTree64": ("", _check_neighbours),
    "NuSVC": ("support_vectors_", _check_supports),
    "NuSVR": ("support_vectors_", _check_supports),
    "OneHotEncoder": ("categories_", _check_one_hot),
    "RandomForestClassifier": ("estimators_", _check_forest),
    "RandomForestRegressor": ("estimators_", _check_forest),
    "RandomTreesEmbedding": ("estimators_", _check_forest),
    "SVC": ("support_vectors_", _check_supports),
    "SVR": ("support_vectors_", _check_supports),
    "Tree": ("", _check_tree),
    "TreePredictor": ("", _check_predictor),
    "csc_array": ("", _check_sparse),
    "csc_matrix": ("", _check_sparse),
    "csr_array": ("", _check_sparse),
    "csr_matrix": ("", _check_sparse),
}
"""For each type the attribute without which it is not fitted (and cannot answer), and its check."""
