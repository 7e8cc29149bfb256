"""LightgbmText: what a LightGBM text says, read without LightGBM: a server needs no more than this to answer."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdtrue.registry.forest import Forest

_CATEGORICAL, _DEFAULT_LEFT = 1, 2  # bits of decision_type
_MISSING_ZERO, _MISSING_NAN = 1, 2  # the two bits above
_ZERO = 1e-35  # what LightGBM takes as zero
_MOST_NODES = 50_000_000
_SIZES = b"tree_sizes="

Link = str
_LINKS: Mapping[str, Link] = {
    "binary": "sigmoid",
    "cross_entropy": "sigmoid",
    "xentropy": "sigmoid",
    "multiclass": "softmax",
    "softmax": "softmax",
    **dict.fromkeys(("regression", "regression_l1", "huber", "fair", "quantile", "mape"), "identity"),
    **dict.fromkeys(("poisson", "gamma", "tweedie"), "exp"),
}


Answer = Callable[[NDArray[np.float64]], NDArray[np.float64]]


class _Beyond(Exception):
    """The model is more than a sum of plain trees."""


@dataclass(frozen=True)
class LightgbmText:
    """The head of a text, as the booster itself would tell it.

    Attributes:
        names: the model's columns.
        pandas_categorical: the categories of the columns that were pandas categories.
    """

    names: list[str]
    pandas_categorical: list[list[Any]] | None
    _head: Mapping[str, str]
    _trees: Sequence[Mapping[str, str]]

    def feature_name(self) -> list[str]:
        """Return the model's columns, under the name that a booster has for them."""
        return self.names

    @property
    def link(self) -> Link | None:
        """Return how sums become answers; None for a way that is not known here."""
        words = self._head.get("objective", "").split(" ")
        return None if "sqrt" in words else _LINKS.get(words[0])

    @property
    def steepness(self) -> float:
        """Return what sums are multiplied by before the sigmoid."""
        words = [word for word in self._head.get("objective", "").split(" ") if word.startswith("sigmoid:")]
        return float(words[0].removeprefix("sigmoid:")) if words else 1.0

    def plant(self) -> Forest | None:
        """Return the trees as a forest; None where they are more than plain trees, or not sound."""
        try:
            if "average_output" in self._head or self.link is None:
                return None
            n_outputs = int(self._head["num_tree_per_iteration"])
            parts = [_read_tree(tree) for tree in self._trees]
            forest = _join(parts, n_features=len(self.names), n_outputs=n_outputs)
        except (_Beyond, KeyError, ValueError, IndexError, OverflowError):
            return None
        return forest if forest.is_sound() else None


def make_link(text: LightgbmText) -> Answer:
    """Return how the sums (n_rows, n_outputs) of a text's trees become answers.

    Classes come as (n_rows, n_classes) probabilities, two for a single sum; numbers as (n_rows,).
    """
    link, steepness = text.link, text.steepness

    def answer(sums: NDArray[np.float64]) -> NDArray[np.float64]:
        if link == "sigmoid":
            both = np.empty((len(sums), 2))
            both[:, 1] = 1.0 / (1.0 + np.exp(-steepness * sums[:, 0]))
            both[:, 0] = 1.0 - both[:, 1]
            return both
        if link == "softmax":
            grown = np.exp(sums - sums.max(axis=1, keepdims=True))
            return np.asarray(grown / grown.sum(axis=1, keepdims=True))
        return np.exp(sums[:, 0]) if link == "exp" else sums[:, 0]

    return answer


def read_lightgbm_text(text: str) -> LightgbmText | None:
    """Return what a model text says; None when it is not laid out as LightGBM lays it out."""
    sections = list(_split(text))
    if not sections or "feature_names" not in sections[0]:
        return None
    head, *trees = sections
    line = next((line for line in reversed(text.splitlines()) if line.startswith("pandas_categorical:")), None)
    try:
        categories = None if line is None else json.loads(line.removeprefix("pandas_categorical:"))
    except (ValueError, RecursionError):
        return None
    return LightgbmText(head["feature_names"].split(" "), categories, head, trees)


def find_fault(data: bytes) -> str | None:
    """Say where a model text is not whole; None where it is.

    LightGBM finds its trees by their sizes in the head and ends the process where these are wrong. What reads trees by
    their own lines must ask this first: of a text that is cut off, the trees that are left answer as well.
    """
    head, mark, _ = data.partition(b"\nTree=")
    line = next((line for line in head.split(b"\n") if line.startswith(_SIZES)), None)
    if line is None:
        return None if b"\nend of trees" in data else "it has no end"
    words, place = line.removeprefix(_SIZES).split(), len(head) + 1
    if not words and not mark:
        return "it has no trees"
    for number, word in enumerate(words):
        if not word.isdigit() or not data.startswith(b"Tree=%d\n" % number, place):
            return f"{number:,} of its {len(words):,} trees stand where its head says"
        place += int(word)
    if not data.startswith(b"end of trees", place):
        return f"its {len(words):,} trees do not end where its head says"
    if b"\nparameters:" in data[place:] and b"\nend of parameters" not in data[place:]:
        return "its parameters have no end"
    return None


def _split(text: str) -> Iterator[dict[str, str]]:
    """Yield the lines of the head and of each tree, by name."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith(("Tree=", "end of trees")):
            yield found
            found = {}
        if line.startswith("end of trees"):
            return
        name, _, value = line.partition("=")
        found[name] = value


@dataclass(frozen=True, eq=False)
class _Tree:
    features: NDArray[np.int64]
    thresholds: NDArray[np.float64]
    lefts: NDArray[np.int64]
    rights: NDArray[np.int64]
    is_missing_left: NDArray[np.bool_]
    members: dict[int, list[int]]
    leaf_values: NDArray[np.float64]


def _read_tree(tree: Mapping[str, str]) -> _Tree:
    n_leaves = int(tree["num_leaves"])
    leaf_values = _read(tree, "leaf_value", np.float64, n_leaves)
    if int(tree.get("is_linear", "0")) or not 1 <= n_leaves <= _MOST_NODES:
        raise _Beyond
    if n_leaves == 1:  # a tree without a question: one that has the same answer either way
        nothing = np.zeros(1, dtype=np.int64)
        return _Tree(nothing, np.zeros(1), ~nothing, ~nothing, np.zeros(1, dtype=np.bool_), {}, leaf_values)
    n_nodes = n_leaves - 1
    features, kinds = (_read(tree, name, np.int64, n_nodes) for name in ("split_feature", "decision_type"))
    thresholds = _read(tree, "threshold", np.float64, n_nodes)
    lefts, rights = (_read(tree, name, np.int64, n_nodes) for name in ("left_child", "right_child"))
    is_categorical = (kinds & _CATEGORICAL) > 0
    is_missing_left = _find_missing(kinds, thresholds) & ~is_categorical
    members = _read_members(tree, np.flatnonzero(is_categorical), thresholds)
    return _Tree(
        features, np.where(is_categorical, 0.0, thresholds), lefts, rights, is_missing_left, members, leaf_values
    )


def _find_missing(kinds: NDArray[np.int64], thresholds: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return where NaN goes left: the default where NaN is missing, else where 0, which it is then taken as, goes."""
    missing, is_left = (kinds >> 2) & 3, (kinds & _DEFAULT_LEFT) > 0
    zero_is_left = thresholds >= 0.0
    # Zero is missing too: the same question only where it goes the default way by itself.
    is_odd = (missing == _MISSING_ZERO) & ((zero_is_left != is_left) | (np.abs(thresholds) <= _ZERO))
    if (is_odd & ((kinds & _CATEGORICAL) == 0)).any():
        raise _Beyond
    return np.where(missing == _MISSING_NAN, is_left, zero_is_left)


def _read_members(
    tree: Mapping[str, str], places: NDArray[np.int64], thresholds: NDArray[np.float64]
) -> dict[int, list[int]]:
    """Return the categories that go left at each node that asks for them: bits of 32-bit words."""
    if not len(places):
        return {}
    bounds = np.array(tree["cat_boundaries"].split(), dtype=np.int64)
    words = np.array(tree["cat_threshold"].split(), dtype=np.uint32)
    members = {}
    for place in places.tolist():
        which = int(thresholds[place])
        bits = np.unpackbits(words[bounds[which] : bounds[which + 1]].view(np.uint8), bitorder="little")
        members[place] = np.flatnonzero(bits).tolist()
        if not members[place]:
            raise _Beyond
    return members


def _read(tree: Mapping[str, str], name: str, dtype: Any, n_values: int) -> NDArray[Any]:
    values = np.array(tree[name].split(), dtype=dtype)
    if len(values) != n_values:
        raise _Beyond
    return values


def _join(trees: list[_Tree], *, n_features: int, n_outputs: int) -> Forest:
    """Number the nodes and leaves of all trees through; tree i adds to the sum i modulo the outputs."""
    if not trees or n_outputs < 1 or len(trees) % n_outputs:
        raise _Beyond
    roots = np.cumsum([0, *(len(tree.features) for tree in trees)])
    leaves = np.cumsum([0, *(len(tree.leaf_values) for tree in trees)])

    def shift(children: NDArray[np.int64], which: int) -> NDArray[np.int64]:
        shifted: NDArray[np.int64] = np.where(children >= 0, children + roots[which], children - leaves[which])
        return shifted

    return Forest(
        n_features=n_features,
        n_outputs=n_outputs,
        roots=roots[:-1],
        features=np.concatenate([tree.features for tree in trees]),
        thresholds=np.concatenate([tree.thresholds for tree in trees]),
        lefts=np.concatenate([shift(tree.lefts, i) for i, tree in enumerate(trees)]),
        rights=np.concatenate([shift(tree.rights, i) for i, tree in enumerate(trees)]),
        is_missing_left=np.concatenate([tree.is_missing_left for tree in trees]),
        members={int(roots[i]) + place: codes for i, tree in enumerate(trees) for place, codes in tree.members.items()},
        leaf_values=np.concatenate([tree.leaf_values for tree in trees]),
        leaf_outputs=np.repeat(np.arange(len(trees)) % n_outputs, [len(tree.leaf_values) for tree in trees]),
    )
