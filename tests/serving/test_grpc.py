"""The gRPC service: Triton's own client against real workers, hostile messages against one in this process."""

import asyncio
import math
import re
import time
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import numpy as np
import pytest
from tritonclient import grpc as triton
from tritonclient.grpc import service_pb2
from tritonclient.utils import InferenceServerException

from holdtrue.domain import Role
from holdtrue.errors import DeclarationError, PortTaken
from holdtrue.registry import load_model
from holdtrue.serving import Front, TokenRole, create_token, start_workers
from holdtrue.serving.address import Address
from holdtrue.serving.grpc.definition import read_definition
from holdtrue.serving.grpc.message import DEFINITION, SERVICE, find_message, list_calls
from holdtrue.serving.grpc.server import serve_grpc
from holdtrue.serving.grpc.status import STATUSES
from holdtrue.serving.replica import Replica, Seat
from holdtrue.serving.request.refusal import Code
from holdtrue.store import Store
from serving.flights import CLASSES, ROW, Flights, make_frame

Request = find_message("ModelInferRequest")


@pytest.fixture
def served(shadowed):
    return shadowed


@asynccontextmanager
async def serve(flights):
    """Serve in this process; yield a function that calls."""
    replica = Replica(flights.folder, Seat(nonce="n"))
    await replica.start()
    opened = serve_grpc(replica, Front(), Address("127.0.0.1", 0), beside_siblings=False)
    async with opened as port, grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:

        async def call(name, request, **metadata):
            pairs = [(key.replace("_", "-"), value) for key, value in metadata.items()]
            return await make_stub(channel, name)(request, metadata=pairs, timeout=20)

        call.replica = replica
        yield call
    await replica.close()


def make_stub(channel, name):
    return channel.unary_unary(
        f"/{SERVICE}/{name}",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=list_calls()[name][1].FromString,
    )


def run(flights, scenario):
    async def main():
        async with serve(flights) as call:
            return await scenario(call)

    return asyncio.run(main())


def make_request(**changes):
    """Return a request for one row, with typed contents."""
    request = Request(model_name="flights", id="q")
    for name, datatype, field, value in (
        ("distance", "FP64", "fp64_contents", ROW["distance"]),
        ("hour", "INT64", "int64_contents", ROW["hour"]),
        ("dest", "BYTES", "bytes_contents", ROW["dest"].encode()),
    ):
        tensor = request.inputs.add(name=name, datatype=datatype, shape=[1])
        getattr(tensor.contents, field).append(value)
    for name, value in changes.items():
        setattr(request, name, value)
    return request


def refuse(flights, request, **metadata):
    """Return the status and the code that a request is refused with."""

    async def scenario(call):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call("ModelInfer", request, **metadata)
        trailing = dict(caught.value.trailing_metadata())
        return caught.value.code(), trailing["holdtrue-code"], trailing["holdtrue-path"]

    return run(flights, scenario)


def read_texts(response):
    return {tensor.name: [value.decode() for value in tensor.contents.bytes_contents] for tensor in response.outputs}


def test_every_refusal_has_a_status():
    assert set(STATUSES) == set(Code)


def test_our_definition_numbers_its_fields_as_tritons_does():
    theirs = service_pb2.DESCRIPTOR
    assert theirs.package == DEFINITION.package

    def compare(ours, message):
        for field in ours.field:
            known = message.fields_by_name[field.name]
            assert (field.number, field.type, field.label == field.LABEL_REPEATED) == (
                known.number,
                known.type,
                known.is_repeated,
            ), f"{message.full_name}.{field.name}"
            if field.type_name:
                assert field.type_name == f".{known.message_type.full_name}"
        for nested in ours.nested_type:
            compare(nested, message.nested_types_by_name[nested.name])

    for message in DEFINITION.message_type:
        compare(message, theirs.message_types_by_name[message.name])
    calls = theirs.services_by_name["GRPCInferenceService"].methods_by_name
    for method in DEFINITION.service[0].method:
        known = calls[method.name]
        assert (method.input_type, method.output_type) == (
            f".{known.input_type.full_name}",
            f".{known.output_type.full_name}",
        )


@pytest.mark.parametrize("text", ["enum X {}", "message X { string a = 1 }", "import 'x';", "message X { a b c }"])
def test_a_definition_that_is_not_understood_is_refused(text):
    with pytest.raises(ValueError):
        read_definition(text, name="x.proto")


def test_typed_contents_are_answered_typed_logged_and_counted(served):
    async def scenario(call):
        response = await call("ModelInfer", make_request())
        metrics = call.replica.counters.dump()
        return response, {count.labels: count.value for count in metrics if count.name == "REQUESTS"}

    response, counted = run(served, scenario)
    assert (response.model_name, response.model_version, response.id) == ("flights", "1", "q")
    texts = read_texts(response)
    row = served.read_log()[0]
    assert (texts["version"], texts["role"], texts["prediction_id"]) == (["v1"], ["champion"], [row.prediction_id])
    probabilities = next(tensor for tensor in response.outputs if tensor.name == "probabilities")
    assert tuple(probabilities.contents.fp64_contents) == row.answer
    assert list(probabilities.shape) == [1, 2]
    assert probabilities.parameters["classes"].string_param == '["false","true"]'
    assert not response.raw_output_contents
    assert counted == {(f"/{SERVICE}/ModelInfer", "OK"): 1}


def test_named_outputs_alone_are_given_in_their_order(served):
    request = make_request()
    for name in ("label", "version"):
        request.outputs.add(name=name)

    async def scenario(call):
        return await call("ModelInfer", request)

    assert [tensor.name for tensor in run(served, scenario).outputs] == ["label", "version"]


def change(act):
    request = make_request()
    act(request)
    return request


@pytest.mark.parametrize(
    ("act", "code", "path"),
    [
        (lambda r: r.ClearField("inputs"), "empty", "$.inputs"),
        (lambda r: r.inputs[0].contents.fp64_contents.append(1.0), "wrong_form", "$.inputs[0].data"),
        (lambda r: r.inputs[0].contents.fp32_contents.append(1.0), "wrong_form", "$.inputs[0].contents"),
        (lambda r: setattr(r.inputs[0], "datatype", "FP16"), "wrong_form", "$.inputs[0].contents"),
        (lambda r: setattr(r.inputs[0], "datatype", "FP99"), "wrong_form", "$.inputs[0].datatype"),
        (lambda r: setattr(r.inputs[0], "name", "distanse"), "unknown_field", "$.inputs[0].data[0]"),
        (lambda r: r.inputs[0].contents.fp64_contents.__setitem__(0, math.nan), "not_finite", "$.inputs[0].data[0]"),
        (lambda r: r.inputs[2].contents.bytes_contents.__setitem__(0, b"\xff"), "malformed", "$.inputs[2].data[0]"),
        (lambda r: r.inputs[1].shape.append(2), "wrong_form", "$.inputs[1].data"),
        (lambda r: r.raw_input_contents.append(b"1"), "wrong_form", "$.raw_input_contents"),
        (lambda r: r.raw_input_contents.extend([b"1"] * 3), "wrong_form", "$.inputs[0].contents"),
        (lambda r: r.outputs.add(name="labels"), "unknown_field", "$.outputs[0].name"),
        (
            lambda r: setattr(r.inputs[0].parameters["shared_memory_region"], "string_param", "x"),
            "unknown_field",
            "$.inputs[0].parameters.shared_memory_region",
        ),
    ],
)
def test_a_message_that_cannot_be_answered_is_told_why_and_where(served, act, code, path):
    assert refuse(served, change(act)) == (grpc.StatusCode.INVALID_ARGUMENT, code, path)
    assert served.read_log() == []


def test_what_is_not_there_is_not_found(served):
    assert refuse(served, make_request(model_name="flihgts"))[:2] == (grpc.StatusCode.NOT_FOUND, "unknown_loop")
    assert refuse(served, make_request(model_version="7"))[:2] == (grpc.StatusCode.NOT_FOUND, "unknown_version")


def test_a_call_needs_a_token_as_a_request_does(served):
    async def scenario(call):
        token = create_token(served.folder, name="app", role=TokenRole.PREDICT)
        await asyncio.sleep(0.3)
        assert (await call("ServerLive", find_message("ServerLiveRequest")())).live
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call("ModelInfer", make_request())
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
        response = await call("ModelInfer", make_request(), authorization=f"Bearer {token}")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call("ModelInfer", make_request(), authorization=f"Bearer {token}", x_holdtrue_version="2")
        assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
        return read_texts(response)["role"]

    assert run(served, scenario) == ["champion"]


def test_a_version_is_forced_by_those_who_may(served):
    assert refuse(served, make_request(model_version="2"))[1] == "version_not_chosen"
    token = create_token(served.folder, name="dev", role=TokenRole.DEVELOP)

    async def scenario(call):
        bearer = f"Bearer {token}"
        named = await call("ModelInfer", make_request(model_version="2"), authorization=bearer)
        forced = await call("ModelInfer", make_request(), authorization=bearer, x_holdtrue_version="2")
        return [(read_texts(each)["role"], each.model_version) for each in (named, forced)]

    assert run(served, scenario) == [(["forced"], "2")] * 2
    assert {row.role for row in served.read_log()} == {Role.FORCED}


def test_a_fault_of_ours_is_internal_and_named_in_the_log(served, caplog):
    async def scenario(call):
        async def fail(*_, **__):
            raise ZeroDivisionError

        call.replica.router.answer = fail
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call("ModelInfer", make_request())
        return caught.value.code(), caught.value.details()

    status, details = run(served, scenario)
    assert status is grpc.StatusCode.INTERNAL
    assert "ZeroDivisionError" in details
    assert "ZeroDivisionError" in caplog.text


def test_a_message_beyond_the_limit_is_refused(served):
    request = make_request()
    request.inputs[2].contents.bytes_contents[0] = b"x" * 2_000_000

    async def scenario(call):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call("ModelInfer", request)
        return caught.value.code()

    assert run(served, scenario) is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_port_that_is_taken_is_said_to_be(served):
    async def scenario(call):
        address = Address("127.0.0.1", Address("127.0.0.1", 0).settle().port)
        with address.bind(beside_siblings=False) as stranger:
            stranger.listen()
            with pytest.raises(PortTaken, match="gRPC"):
                async with serve_grpc(call.replica, Front(), address, beside_siblings=False):
                    pass

    run(served, scenario)


def test_without_its_library_grpc_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr("holdtrue.serving.front.find_spec", lambda _: None)
    with pytest.raises(DeclarationError, match=r"holdtrue\[grpc\]"):
        Front(grpc_port=0).check(tmp_path)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory, boosters):
    with Store.open(tmp_path_factory.mktemp("grpc") / ".holdtrue") as store:
        flights = Flights(store)
        flights.send(flights.release(boosters[0]).number)
        yield flights


@pytest.fixture(scope="module")
def workers(loaded):
    workers = start_workers(loaded.folder, front=Front(port=0, grpc_port=0), n_workers=2)
    assert workers.wait_until_ready(60), workers.problems
    yield workers
    workers.stop()


@pytest.fixture
def client(workers):
    with triton.InferenceServerClient(f"127.0.0.1:{workers.front.grpc_port}") as client:
        yield client


def make_inputs(n_rows=3):
    frame = make_frame(3, n_rows)
    inputs = []
    for name, values, datatype in (
        ("distance", frame["distance"].to_numpy(), "FP64"),
        ("hour", frame["hour"].to_numpy(), "INT64"),
        ("dest", np.array(frame["dest"].to_list(), dtype=np.object_), "BYTES"),
    ):
        tensor = triton.InferInput(name, [n_rows], datatype)
        tensor.set_data_from_numpy(values)
        inputs.append(tensor)
    return inputs


def test_tritons_client_finds_the_server_the_loop_and_its_version(client):
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("flights")
    assert client.is_model_ready("flights", "1")
    assert client.get_server_metadata(as_json=True)["name"] == "holdtrue"
    told = client.get_model_metadata("flights", as_json=True)
    assert (told["versions"], told["platform"]) == (["1"], "holdtrue_lightgbm")
    assert [tensor["name"] for tensor in told["inputs"]][:3] == ["distance", "hour", "dest"]
    with pytest.raises(InferenceServerException, match="there is no loop 'trains'"):
        client.get_model_metadata("trains")


def test_tritons_client_is_answered_as_bytes(client, boosters):
    result = client.infer("flights", make_inputs(), request_id="q")
    expected = load_model(boosters[0].data, boosters[0].format, CLASSES).score(make_frame(3, 3))
    assert result.as_numpy("probabilities") == pytest.approx(expected, abs=1e-12)
    assert list(result.as_numpy("version")) == [b"v1"] * 3
    assert result.get_response().id == "q"


def test_the_example_of_the_page_runs(workers):
    page = (Path(__file__).parents[2] / "docs" / "serving.md").read_text(encoding="utf-8")
    (script,) = [block for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "import grpc" in block]
    names = {"inputs": make_inputs(), "token": "not asked for"}
    exec(script.replace("late-flights", "flights").replace("8081", str(workers.front.grpc_port)), names)
    assert names["probabilities"].shape == (3, 2)


def test_tritons_client_is_told_what_is_wrong(client):
    inputs = make_inputs()
    inputs[0].set_data_from_numpy(np.array([1.0, math.nan, 2.0]))
    with pytest.raises(InferenceServerException, match="NaN or Infinity") as caught:
        client.infer("flights", inputs)
    assert caught.value.status() == "StatusCode.INVALID_ARGUMENT"


def test_workers_share_the_port_and_answer_what_they_accepted_when_they_end(workers, loaded):
    """Ends the workers: the last test of this module."""
    before = {row.prediction_id for row in loaded.read_log()}
    place = f"127.0.0.1:{workers.front.grpc_port}"
    answered, failures, is_over = set(), set(), asyncio.Event()

    async def ask():
        while not is_over.is_set():
            # A connection of its own each time, so that the kernel shares them out.
            options = [("grpc.use_local_subchannel_pool", 1)]
            async with grpc.aio.insecure_channel(place, options=options) as channel:
                for _ in range(20):
                    try:
                        response = await make_stub(channel, "ModelInfer")(make_request(), timeout=10)
                    except grpc.aio.AioRpcError as error:
                        failures.add(error.code())
                        break
                    answered.update(read_texts(response)["prediction_id"])

    async def main():
        asking = [asyncio.create_task(ask()) for _ in range(4)]
        deadline = time.monotonic() + 20
        while len(answered) < 300:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)
        await asyncio.to_thread(workers.stop)
        is_over.set()
        await asyncio.gather(*asking)

    asyncio.run(main())
    # Who came too late was told so (a call that the library held, but had not handed over, is cancelled) ...
    assert failures <= {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
    # ... and whoever was accepted has the answer that the log has.
    assert {row.prediction_id for row in loaded.read_log()} - before == answered
    names = {path.name.split("-")[0] for path in (loaded.folder / "log" / "flights").iterdir()}
    assert names == {"w0", "w1"}
