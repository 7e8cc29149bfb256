import struct

import numpy as np
import pytest

from holdtrue.serving.request.refusal import Code, Refused
from holdtrue.serving.request.tensor import read_infer
from holdtrue.serving.request.tensor_bytes import decode_values, encode_values

TYPES = {
    "BOOL": (np.array([True, False]), [True, False]),
    "FP16": (np.array([1.5, -2.0], "<f2"), [1.5, -2.0]),
    "BF16": (np.array([0x3FC0, 0xC000], "<u2"), [1.5, -2.0]),
    "FP32": (np.array([1.5, -2.0], "<f4"), [1.5, -2.0]),
    "FP64": (np.array([0.1, -2.0], "<f8"), [0.1, -2.0]),
    **{f"INT{8 * n}": (np.array([-3, 100], f"<i{n}"), [-3, 100]) for n in (1, 2, 4, 8)},
    **{f"UINT{8 * n}": (np.array([3, 200], f"<u{n}"), [3, 200]) for n in (1, 2, 4, 8)},
}


def pack(*texts):
    return b"".join(struct.pack("<I", len(text)) + text for text in texts)


def read(*tensors, data=b"", **more):
    return read_infer({"inputs": list(tensors), **more}, features=["a", "b"], data=data)


def tensor(name="a", size=16, datatype="FP64", shape=(2,), **more):
    return {
        "name": name,
        "shape": list(shape),
        "datatype": datatype,
        "parameters": {"binary_data_size": size},
        **more,
    }


@pytest.mark.parametrize("datatype", TYPES)
def test_each_type_is_read_from_its_bytes(datatype):
    written, expected = TYPES[datatype]
    values = decode_values(memoryview(written.tobytes()), datatype, name="a", n_values=2, path="$")
    assert values == expected
    assert [type(value) for value in values] == [type(value) for value in expected]


def test_texts_are_read_and_written_with_their_lengths():
    written = pack(b"BOS", b"", "zürich".encode())
    texts = decode_values(memoryview(written), "BYTES", name="a", n_values=3, path="$")
    assert texts == ["BOS", "", "zürich"]
    assert encode_values(texts, "BYTES") == written


def test_inputs_share_the_bytes_out_in_their_order():
    data = np.array([1.0, 2.0]).tobytes() + pack(b"x", b"yy")
    infer = read(tensor("a"), tensor("c", 11, "BYTES"), tensor("b", None, data=[3, 4], parameters={}), data=data)
    assert [record.fields for record in infer.records] == [{"a": 1, "c": "x", "b": 3}, {"a": 2, "c": "yy", "b": 4}]


def test_an_output_is_as_binary_as_the_request_unless_it_says_otherwise():
    data = np.array([1.0, 2.0]).tobytes()
    outputs = [{"name": "x"}, {"name": "y", "parameters": {"binary_data": False}}]
    infer = read(tensor(), data=data, parameters={"binary_data_output": True}, outputs=outputs)
    assert [output.is_binary for output in infer.outputs] == [True, False]


FLOATS = np.array([1.0, 2.0]).tobytes()


@pytest.mark.parametrize(
    ("tensors", "data", "code", "path"),
    [
        ([tensor(size=8)], FLOATS[:8], Code.WRONG_FORM, "$.inputs[0].data"),
        ([tensor()], FLOATS[:15], Code.WRONG_FORM, "$.inputs[0].parameters.binary_data_size"),
        ([tensor()], b"", Code.WRONG_FORM, "$.inputs[0].parameters.binary_data_size"),
        ([tensor()], FLOATS + b"x", Code.WRONG_FORM, "$.inputs"),
        ([tensor(size=-1)], FLOATS, Code.WRONG_TYPE, "$.inputs[0].parameters.binary_data_size"),
        ([tensor(size=True)], FLOATS, Code.WRONG_TYPE, "$.inputs[0].parameters.binary_data_size"),
        ([tensor(data=[1, 2])], FLOATS, Code.WRONG_FORM, "$.inputs[0].data"),
        ([tensor(parameters=7)], FLOATS, Code.WRONG_FORM, "$.inputs[0].parameters"),
        ([tensor(parameters={"shared_memory_region": "r"})], b"", Code.UNKNOWN_FIELD, None),
        ([tensor()], np.array([1.0, np.nan]).tobytes(), Code.NOT_FINITE, "$.inputs[0].data[1]"),
        ([tensor(size=4, datatype="BF16")], b"\x80\x3f\x80\x7f", Code.NOT_FINITE, "$.inputs[0].data[1]"),
        ([tensor(size=2, datatype="BOOL")], b"\x01\x02", Code.WRONG_TYPE, "$.inputs[0].data[1]"),
        ([tensor(size=10, datatype="BYTES")], pack(b"a", b"\xff"), Code.MALFORMED, "$.inputs[0].data[1]"),
        ([tensor(size=9, datatype="BYTES")], pack(b"a", b"b")[:9], Code.WRONG_FORM, "$.inputs[0].data[1]"),
        ([tensor(size=6, datatype="BYTES")], pack(b"a", b"b")[:6], Code.WRONG_FORM, "$.inputs[0].data[1]"),
        ([tensor(size=5, datatype="BYTES")], pack(b"a"), Code.WRONG_FORM, "$.inputs[0].data"),
        ([tensor(size=15, datatype="BYTES")], pack(b"a", b"b", b"c"), Code.WRONG_FORM, "$.inputs[0].data"),
        ([tensor(size=8, datatype="BYTES")], b"\xff" * 8, Code.WRONG_FORM, "$.inputs[0].data[0]"),
        ([tensor(shape=[2**62], size=16)], FLOATS, Code.WRONG_FORM, "$.inputs[0].data"),
    ],
)
def test_bytes_that_are_not_what_the_json_says_are_refused_with_their_place(tensors, data, code, path):
    with pytest.raises(Refused) as caught:
        read(*tensors, data=data)
    assert caught.value.code is code
    assert path is None or caught.value.path == path


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"outputs": 3}, "$.outputs"),
        ({"outputs": [3]}, "$.outputs[0]"),
        ({"outputs": [{"name": 3}]}, "$.outputs[0].name"),
        ({"outputs": [{"name": "x", "shape": [1]}]}, "$.outputs[0].shape"),
        ({"outputs": [{"name": "x", "parameters": {"binary_data": 1}}]}, "$.outputs[0].parameters.binary_data"),
        ({"parameters": {"binary_data_output": "yes"}}, "$.parameters.binary_data_output"),
    ],
)
def test_wishes_that_cannot_be_read_are_refused_with_their_place(more, path):
    with pytest.raises(Refused) as caught:
        read(tensor(), data=FLOATS, **more)
    assert caught.value.path == path
