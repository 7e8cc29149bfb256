import pytest

from holdtrue.serving.request.refusal import Code, Refused
from holdtrue.serving.request.tensor import read_infer


def tensor(name, data, shape=None, datatype="FP64"):
    return {"name": name, "shape": shape or [len(data)], "datatype": datatype, "data": data}


def read(*tensors, **more):
    return read_infer({"inputs": list(tensors), **more}, features=["a", "b"])


def refuse(*tensors, **more) -> Refused:
    with pytest.raises(Refused) as caught:
        read(*tensors, **more)
    return caught.value


def test_a_tensor_for_each_feature_becomes_rows():
    infer = read(tensor("a", [1, None]), tensor("c", ["x", "y"], [2, 1], "BYTES"), id="q")
    assert infer.request_id == "q"
    assert [record.fields for record in infer.records] == [{"a": 1, "c": "x"}, {"a": None, "c": "y"}]
    assert infer.records[1].place.field("c") == "$.inputs[1].data[1]"
    assert infer.records[1].place.field("z") == "$.inputs"


@pytest.mark.parametrize("data", [[1, 2, 3, 4], [[1, 2], [3, 4]]])
def test_one_tensor_may_hold_all_features_in_order(data):
    records = read(tensor("rows", data, [2, 2])).records
    assert [record.fields for record in records] == [{"a": 1, "b": 2}, {"a": 3, "b": 4}]
    place = "$.inputs[0].data[1][0]" if isinstance(data[0], list) else "$.inputs[0].data[2]"
    assert records[1].place.field("a") == place


@pytest.mark.parametrize(
    ("tensors", "code", "path"),
    [
        ([], Code.EMPTY, "$.inputs"),
        ([7], Code.WRONG_FORM, "$.inputs[0]"),
        ([tensor("a", [1]), tensor("a", [1])], Code.DUPLICATE_KEY, "$.inputs[1].name"),
        ([tensor("a", [1]), tensor("b", [1, 2])], Code.WRONG_FORM, "$.inputs[1].shape"),
        ([tensor("a", [1, 2, 3], [1, 3])], Code.WRONG_FORM, "$.inputs[0].shape"),
        ([tensor("a", [1, 2], [10**9])], Code.WRONG_FORM, "$.inputs[0].data"),
        ([tensor("a", [1], [0])], Code.EMPTY, "$.inputs[0].shape"),
        ([tensor("a", [1], [True])], Code.WRONG_FORM, "$.inputs[0].shape"),
        ([tensor("a", [1, "x"])], Code.WRONG_TYPE, "$.inputs[0].data[1]"),
        ([tensor("a", [1.5], datatype="INT64")], Code.WRONG_TYPE, "$.inputs[0].data[0]"),
        ([tensor("a", [1], datatype="TEXT")], Code.WRONG_FORM, "$.inputs[0].datatype"),
        ([{**tensor("a", [1]), "more": 1}], Code.UNKNOWN_FIELD, "$.inputs[0].more"),
        ([tensor("", [1])], Code.WRONG_FORM, "$.inputs[0].name"),
    ],
)
def test_tensors_that_are_no_rows_are_refused_with_their_path(tensors, code, path):
    refused = refuse(*tensors)
    assert (refused.code, refused.path) == (code, path)


def test_an_id_that_is_no_text_is_refused():
    assert refuse(tensor("a", [1]), id=3).path == "$.id"
