"""Triton's own HTTP client against a real worker, unchanged."""

import numpy as np
import pytest
from tritonclient import http as triton
from tritonclient.utils import InferenceServerException

from serving.flights import make_frame


@pytest.fixture
def client(live):
    with triton.InferenceServerClient(f"127.0.0.1:{live.port}") as client:
        yield client


def make_inputs(*, is_binary=True, n_rows=3, hours=None):
    frame = make_frame(3, n_rows)
    columns = [
        ("distance", frame["distance"].to_numpy(), "FP64"),
        ("hour", np.array(hours or frame["hour"].to_list(), dtype=np.int64), "INT64"),
        ("dest", np.array(frame["dest"].to_list(), dtype=np.object_), "BYTES"),
    ]
    inputs = []
    for name, values, datatype in columns:
        tensor = triton.InferInput(name, [n_rows], datatype)
        tensor.set_data_from_numpy(values, binary_data=is_binary)
        inputs.append(tensor)
    return inputs


@pytest.mark.parametrize("is_binary_in", [True, False])
@pytest.mark.parametrize("is_binary_out", [True, False])
def test_tensors_are_answered_the_same_as_bytes_and_as_json(client, live, is_binary_in, is_binary_out):
    outputs = [
        triton.InferRequestedOutput(name, binary_data=is_binary_out) for name in ("label", "probabilities", "version")
    ]
    result = client.infer("flights", make_inputs(is_binary=is_binary_in), request_id="q", outputs=outputs)
    told = result.get_response()
    assert (told["id"], told["model_name"], told["model_version"]) == ("q", "flights", "1")
    assert [output["name"] for output in told["outputs"]] == ["label", "probabilities", "version"]
    assert result.as_numpy("probabilities") == pytest.approx(live.expect(make_frame(3, 3)), abs=1e-12)
    texts = [text.decode() if isinstance(text, bytes) else text for text in result.as_numpy("version")]
    assert texts == ["v1"] * 3


def test_without_named_outputs_all_come_as_bytes(client):
    result = client.infer("flights", make_inputs())
    sizes = {output["name"]: output["parameters"]["binary_data_size"] for output in result.get_response()["outputs"]}
    assert list(sizes) == ["probabilities", "label", "decision", "prediction_id", "version", "role"]
    assert sizes["probabilities"] == 3 * 2 * 8
    assert result.as_numpy("prediction_id").shape == (3,)


def test_numbers_may_come_in_one_tensor_of_small_floats(client, live):
    tensor = triton.InferInput("rows", [2, 2], "FP32")
    tensor.set_data_from_numpy(np.array([[1.0, 2.0], [3.0, 4.5]], dtype=np.float32))
    labels = client.infer("delays", [tensor], outputs=[triton.InferRequestedOutput("answer")]).as_numpy("answer")
    assert labels.shape == (2,)
    assert labels.dtype == np.float64


def test_what_is_served_is_found_by_the_client(client):
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("flights")
    assert client.is_model_ready("flights", "1")
    assert not client.is_model_ready("trains")
    assert client.get_server_metadata()["extensions"] == ["binary_tensor_data", "model_repository"]
    assert [tensor["name"] for tensor in client.get_model_metadata("flights")["inputs"]][:2] == ["distance", "hour"]


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda client: client.infer("trains", make_inputs()), "there is no loop 'trains'"),
        (lambda client: client.infer("flights", make_inputs(), model_version="9"), "'9' is not served"),
        (
            lambda client: client.infer(
                "flights", make_inputs(), outputs=[triton.InferRequestedOutput("probabilties")]
            ),
            "did you mean 'probabilities'?",
        ),
        (
            lambda client: client.infer(
                "flights", make_inputs(), outputs=[triton.InferRequestedOutput("label", class_count=2)]
            ),
            "'classification' is not offered here",
        ),
        (lambda client: client.infer("flights", make_inputs()[:2]), "the field 'dest' is missing"),
    ],
)
def test_a_refusal_reaches_the_client_as_a_sentence(client, ask, said):
    with pytest.raises(InferenceServerException) as caught:
        ask(client)
    assert said in caught.value.message()


def test_the_version_that_answers_everybody_may_be_named(client):
    told = client.infer("flights", make_inputs(), model_version="1").get_response()
    assert told["model_version"] == "1"


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_a_compressed_body_is_read(client, algorithm):
    result = client.infer("flights", make_inputs(), request_compression_algorithm=algorithm)
    assert result.as_numpy("label").shape == (3,)


def test_the_repository_is_listed_and_not_changed(client):
    index = client.get_model_repository_index()
    assert {(entry["name"], entry["version"], entry["state"]) for entry in index} == {
        ("flights", "1", "READY"),
        ("late-flights", "1", "READY"),
        ("delays", "1", "READY"),
    }
    for change in (client.load_model, client.unload_model):
        with pytest.raises(InferenceServerException, match="holdtrue promote or holdtrue rollback"):
            change("flights")
