import io
import json
import zipfile

import numpy as np
import pytest
from sklearn.tree import DecisionTreeClassifier

from holdtrue.errors import FormatRefused
from holdtrue.registry.skops_format import dump_skops, load_skops, walk_nodes


@pytest.fixture(scope="module")
def stored(numbers, late):
    data = dump_skops(DecisionTreeClassifier(max_depth=3).fit(numbers, late))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(members.pop("schema.json"))
    for number, node in enumerate(walk_nodes(schema)):
        node["__id__"] = number + 1  # so that one node can be changed without its namesakes
    return schema, members


def _load(schema, members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("schema.json", json.dumps(schema))
        for name, content in members.items():
            archive.writestr(name, content)
    return load_skops(buffer.getvalue())


def _spoil(schema, path, value):
    copy = json.loads(json.dumps(schema))
    tree = next(node for node in walk_nodes(copy) if node["__loader__"] == "TreeNode")
    for key in path[:-1]:
        tree = tree[key]
    tree[path[-1]] = value
    return copy


def test_a_tree_as_it_was_fitted_is_read(stored):
    assert _load(*stored).tree_.node_count > 3


@pytest.mark.parametrize("value", ["0", "2", "-1", "1000000", "99999999999999999999", "true", "null", "7.0", "[]"])
@pytest.mark.parametrize(
    "path",
    [
        ("content", "content", "node_count", "content"),
        ("__reduce__", "args", "content", 2, "content"),
    ],
)
def test_a_size_that_its_arrays_do_not_have_is_refused(stored, path, value):
    """Found by the harness (rf, seed 81): scikit-learn copies by the node count that the file gives."""
    schema, members = stored
    with pytest.raises(FormatRefused, match="sizes of a decision tree"):
        _load(_spoil(schema, path, value), members)


def test_features_are_counted_again_once_the_tree_is_built(stored):
    schema, members = stored
    with pytest.raises(FormatRefused, match="do not fit together"):
        _load(_spoil(schema, ("__reduce__", "args", "content", 0, "content"), "9"), members)


@pytest.mark.parametrize("array", [np.zeros(0, dtype=np.int64), np.array([10**9]), np.array([2, 2]), np.array([0])])
def test_class_counts_that_do_not_fit_are_refused(stored, array):
    schema, members = stored
    tree = next(node for node in walk_nodes(schema) if node["__loader__"] == "TreeNode")
    buffer = io.BytesIO()
    np.save(buffer, array)
    name = tree["__reduce__"]["args"]["content"][1]["file"]
    with pytest.raises(FormatRefused, match="sizes of a decision tree"):
        _load(schema, {**members, name: buffer.getvalue()})
