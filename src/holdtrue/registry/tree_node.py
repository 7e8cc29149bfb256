"""TreeNode: a decision tree as a skops file describes it, judged before compiled code copies its memory."""

import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdtrue.domain import Json
from holdtrue.errors import FormatRefused

MAX_FEATURES = 1_000_000


def check_tree_node(node: Mapping[str, Json], members: Mapping[str, bytes]) -> None:
    """Refuse a tree whose sizes do not fit its arrays.

    The constructor reads as many class counts as it is told outputs, and the state is copied by the node count that the
    file gives: neither is checked there.

    Raises:
        FormatRefused: a size is missing, wrong or out of range.
    """
    try:
        arguments, state = node["__reduce__"]["args"]["content"], node["content"]["content"]
        n_features, n_outputs = _read_count(arguments[0]), _read_count(arguments[2])
        n_classes, nodes = _read_array(arguments[1], members), _read_array(state["nodes"], members)
        values, n_nodes = _read_array(state["values"], members), _read_count(state["node_count"])
        depth = _read_count(state["max_depth"])
        is_sound = (
            len(arguments) == 3
            and set(state) == {"max_depth", "node_count", "nodes", "values"}
            and 1 <= n_features <= MAX_FEATURES
            and n_classes.shape == (n_outputs,)
            and bool(np.all((n_classes >= 1) & (n_classes <= values.shape[2])))
            and values.shape == (n_nodes, n_outputs, int(n_classes.max()))
            and nodes.shape == (n_nodes,)
            and 0 <= depth <= n_nodes
        )
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise _refuse() from error
    if not is_sound:
        raise _refuse()


def _read_count(node: Mapping[str, Json]) -> int:
    count = json.loads(node["content"])
    if node["__loader__"] != "JsonNode" or type(count) is not int:
        raise TypeError("no whole number")
    return count


def _read_array(node: Mapping[str, Json], members: Mapping[str, bytes]) -> NDArray[Any]:
    if node["__loader__"] != "NdArrayNode" or node["__class__"] != "ndarray" or node["type"] != "numpy":
        raise TypeError("no array")
    array: NDArray[Any] = np.load(io.BytesIO(members[node["file"]]), allow_pickle=False)
    return array


def _refuse() -> FormatRefused:
    return FormatRefused(
        "the sizes of a decision tree in the file do not fit its arrays",
        expected="a model as scikit-learn fitted it",
        remedy="do not use this file; store the estimator again from where it was trained",
    )
