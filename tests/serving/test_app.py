"""The routes, in this process, with real models."""

import asyncio
import gzip
import json
import resource
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdtrue.clock import ScaledClock
from holdtrue.domain import Role
from holdtrue.errors import NotFound
from holdtrue.registry import load_model
from holdtrue.serving import answer_rows
from holdtrue.serving.counts.counter import Metric
from holdtrue.serving.wire import intake
from serving.flights import CLASSES, MINUTES, ROW, make_frame, train_forest

EVENT = {"flight": "UA1", "tail": "N7", "departs_at": "2013-09-01T10:00:00Z"}
PREDICT = "/v1/predict/flights"


def post(flights, path, content, **headers):
    async def scenario(client):
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        return await client.post(path, content=body, headers={"content-type": "application/json", **headers})

    return flights.run(scenario)


def get(flights, path):
    async def scenario(client):
        return await client.get(path)

    return flights.run(scenario)


def test_an_answer_carries_probabilities_label_decision_and_version(served, forests):
    reply = post(served, PREDICT, {"rows": [{**ROW, **EVENT}]})
    told = reply.json()["predictions"][0]
    probabilities = load_model(forests[0].data, forests[0].format, CLASSES).score([ROW])[0]
    assert reply.status_code == 200
    assert reply.json()["loop"] == "flights"
    assert told["answer"] == {
        "probabilities": {"false": probabilities[0], "true": probabilities[1]},
        "label": bool(probabilities[1] > probabilities[0]),
    }
    assert (told["key"], told["decision"], told["version"], told["role"]) == ("UA1", "warn", "v1", "champion")


def test_what_was_answered_is_in_the_log_with_all_its_fields(served):
    told = post(served, PREDICT, {"rows": [{**ROW, **EVENT, "dest": "XYZ"}]}).json()["predictions"][0]
    (row,) = served.read_log()
    assert (row.prediction_id, row.key, row.unit, row.loop) == (told["prediction_id"], "UA1", "N7", "flights")
    assert row.time == datetime(2013, 9, 1, 10, tzinfo=UTC).timestamp()
    assert row.features == {**ROW, "dest": "XYZ"}
    assert row.answer == tuple(told["answer"]["probabilities"].values())
    assert (row.version, row.role, row.decision, row.probability) == (1, Role.CHAMPION, "warn", 1.0)
    assert (row.traffic_revision, row.schema_version) == (1, CLASSES.schema.digest)
    assert (row.n_unseen, row.fallback) == (1, None)
    assert 0 < row.latency_ms < 10_000


def test_a_row_without_event_is_its_own_key_at_business_time(flights, forests):
    clock = ScaledClock(datetime(2013, 9, 1, tzinfo=UTC), began_unix=2e9, speed=60.0)
    flights.send(flights.release(forests[0]).number, clock=clock)
    told = post(flights, "/v1/predict", {"rows": [ROW]}).json()["predictions"][0]
    (row,) = flights.read_log()
    assert told["key"] == row.key == row.unit == row.prediction_id
    assert row.time == clock.start.timestamp()


def test_a_regression_answers_with_a_number(flights):
    flights.send(flights.release(train_forest(MINUTES), signature=MINUTES, rule=None).number)
    told = post(flights, PREDICT, {"rows": [ROW]}).json()["predictions"][0]
    assert isinstance(told["answer"], float)
    assert told["decision"] is None
    assert flights.read_log()[0].answer == (told["answer"],)


def test_a_bad_row_fails_alone_and_is_not_logged(served):
    rows = [{**ROW, "flight": "a"}, {**ROW, "distance": None}, {**ROW, "flight": "a"}, {**ROW, "flight": "b"}]
    reply = post(served, PREDICT, {"rows": rows})
    entries = reply.json()["predictions"]
    assert reply.status_code == 200
    assert [entry["error"]["code"] for entry in entries if "error" in entry] == ["null_not_allowed", "duplicate_key"]
    assert entries[1]["error"]["path"] == "$.rows[1].distance"
    assert entries[2]["error"]["path"] == "$.rows[2].flight"
    assert [row.key for row in served.read_log()] == ["a", "b"]


def test_when_every_row_is_bad_the_request_is_refused(served):
    reply = post(served, PREDICT, {"rows": [{**ROW, "distanse": 1}, {}]})
    assert reply.status_code == 422
    assert reply.json()["error"]["path"] == "$.rows[0].distanse"
    assert [error["code"] for error in reply.json()["errors"]] == ["unknown_field", "missing_field"]
    assert served.read_log() == []


@pytest.mark.parametrize(
    ("path", "content", "headers", "status", "code"),
    [
        (PREDICT, b'{"rows":[' + b" " * 2_000_000 + b"]}", {}, 413, "too_large"),
        (PREDICT, b"{", {}, 400, "malformed"),
        (PREDICT, b"[" * 200_000, {}, 400, "malformed"),
        (PREDICT, b'{"rows":[{"distance":NaN}]}', {}, 400, "not_finite"),
        (PREDICT, {"rows": []}, {}, 422, "empty"),
        (PREDICT, {"rows": [ROW]}, {"content-type": "text/plain"}, 415, "wrong_content_type"),
        ("/v1/predict/flight", {"rows": [ROW]}, {}, 404, "unknown_loop"),
        ("/v1/predikt", {}, {}, 404, "unknown_route"),
        ("/v2/models/flights/infer", {"inputs": []}, {}, 422, "empty"),
        ("/v2/health/live", {}, {}, 405, "wrong_method"),
    ],
)
def test_a_request_that_cannot_be_answered_is_told_why(served, path, content, headers, status, code):
    reply = post(served, path, content, **headers)
    told = reply.json()
    if path.startswith("/v2/"):  # there the message stands where V2 clients look for it
        assert (reply.status_code, told["code"]) == (status, code)
        assert isinstance(told["error"], str)
    else:
        assert (reply.status_code, told["error"]["code"]) == (status, code)
        assert told["error"]["message"]


def test_a_body_that_grows_too_large_on_the_way_is_refused(served):
    async def scenario(client):
        async def grow():
            for _ in range(20):
                yield b" " * 100_000

        return await client.post(PREDICT, content=grow(), headers={"content-type": "application/json"})

    assert served.run(scenario).status_code == 413


@pytest.mark.parametrize(
    ("encoding", "body", "status"),
    [
        ("gzip", gzip.compress(json.dumps({"rows": [ROW]}).encode(), mtime=0), 200),
        ("gzip", gzip.compress(b" " * 50_000_000, mtime=0), 413),
        ("gzip", gzip.compress(b"{}", mtime=0)[:-1], 400),
        ("gzip", gzip.compress(b"{}", mtime=0) + b"x", 400),
        ("deflate", b"{}", 400),
        ("br", b"{}", 415),
        ("gzip, gzip", b"{}", 415),
    ],
)
def test_a_compressed_body_is_inflated_within_the_limit(served, encoding, body, status):
    assert post(served, PREDICT, body, **{"content-encoding": encoding}).status_code == status


def test_an_unknown_loop_is_told_what_there_is(served):
    message = post(served, "/v1/predict/flihgts", {"rows": [ROW]}).json()["error"]["message"]
    assert "one of flights" in message
    assert "did you mean 'flights'" in message


def test_with_two_loops_the_path_must_name_one(served, forests):
    served.send(served.release(forests[1], loop="trains").number, loop="trains")
    reply = post(served, "/v1/predict", {"rows": [ROW]})
    assert reply.status_code == 404
    assert "flights, trains" in reply.json()["error"]["message"]
    assert post(served, "/v1/predict/trains", {"rows": [ROW]}).json()["loop"] == "trains"


def test_before_anything_is_released_nothing_is_ready(flights):
    ready, live = get(flights, "/v2/health/ready"), get(flights, "/v2/health/live")
    reply = post(flights, "/v1/predict", {"rows": [ROW]})
    assert (ready.status_code, live.status_code, reply.status_code) == (503, 200, 503)
    assert reply.headers["retry-after"] == "1"


def test_a_full_disk_is_told_and_nothing_is_answered(served):
    async def scenario(client):
        assert (await client.post(PREDICT, json={"rows": [ROW]})).status_code == 200
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (500, limits[1]))
        try:
            refused = await client.post(PREDICT, json={"rows": [ROW]})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        return refused, await client.post(PREDICT, json={"rows": [ROW]}), client.replica.counters

    refused, again, counters = served.run(scenario)
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "log_full")
    assert again.status_code == 200
    assert len(served.read_log()) == 2
    assert counters.value(Metric.LOG_FAILURES, "flights") == 1


def test_a_v2_request_is_answered_with_tensors(served):
    inputs = [
        {"name": "distance", "shape": [2], "datatype": "FP64", "data": [700.0, 100.0]},
        {"name": "hour", "shape": [2, 1], "datatype": "INT64", "data": [18, None]},
        {"name": "dest", "shape": [2], "datatype": "BYTES", "data": ["BOS", "SFO"]},
        {"name": "flight", "shape": [2], "datatype": "BYTES", "data": ["a", "b"]},
    ]
    told = post(served, "/v2/models/flights/infer", {"id": "q", "inputs": inputs}).json()
    outputs = {output["name"]: output for output in told["outputs"]}
    native = post(served, PREDICT, {"rows": [ROW]}).json()["predictions"][0]
    assert (told["id"], told["model_name"], told["model_version"]) == ("q", "flights", "1")
    assert outputs["probabilities"]["shape"] == [2, 2]
    assert outputs["probabilities"]["parameters"] == {"classes": ["false", "true"]}
    assert outputs["probabilities"]["data"][:2] == list(native["answer"]["probabilities"].values())
    assert outputs["version"]["data"] == ["v1", "v1"]
    assert [row.key for row in served.read_log()][:2] == ["a", "b"]


def test_a_bad_row_refuses_a_v2_request_before_anything_is_logged(served):
    inputs = [
        {"name": "distance", "shape": [2], "datatype": "FP64", "data": [700.0, None]},
        {"name": "hour", "shape": [2], "datatype": "INT64", "data": [18, 19]},
        {"name": "dest", "shape": [2], "datatype": "BYTES", "data": ["BOS", "SFO"]},
    ]
    reply = post(served, "/v2/models/flights/infer", {"inputs": inputs})
    assert reply.status_code == 422
    assert reply.json()["path"] == "$.inputs[0].data[1]"
    assert served.read_log() == []


def make_tensors(n_rows=2):
    return [
        {"name": "distance", "shape": [n_rows], "datatype": "FP64", "data": [700.0] * n_rows},
        {"name": "hour", "shape": [n_rows], "datatype": "INT64", "data": [18] * n_rows},
        {"name": "dest", "shape": [n_rows], "datatype": "BYTES", "data": ["BOS"] * n_rows},
    ]


def test_only_the_wanted_tensors_come_in_the_order_asked_for(served):
    outputs = [{"name": "version"}, {"name": "label"}]
    told = post(served, "/v2/models/flights/infer", {"inputs": make_tensors(), "outputs": outputs}).json()
    assert [output["name"] for output in told["outputs"]] == ["version", "label"]


def test_an_output_that_there_is_not_is_refused_before_anything_is_logged(served):
    reply = post(served, "/v2/models/flights/infer", {"inputs": make_tensors(), "outputs": [{"name": "lable"}]})
    assert (reply.status_code, reply.json()["path"]) == (422, "$.outputs[0].name")
    assert "did you mean 'label'" in reply.json()["error"]
    assert served.read_log() == []


def test_a_version_may_be_named_only_while_it_answers_everybody(served, forests):
    challenger = served.release(forests[1]).number
    content = {"inputs": make_tensors(1)}
    path = "/v2/models/flights/versions/{}/infer"
    assert post(served, path.format(1), content).json()["model_version"] == "1"
    assert post(served, path.format(challenger), content).status_code == 404
    served.send(1, challenger=challenger, challenger_share=0.25)
    for number in (1, challenger):
        reply = post(served, path.format(number), content)
        assert (reply.status_code, reply.json()["code"]) == (403, "version_not_chosen")
        assert "the traffic says v1 75%, v2 25%" in reply.json()["error"]
    assert len(served.read_log()) == 1
    served.send(1, challenger=challenger, is_shadowed=True)
    assert post(served, path.format(1), content).status_code == 200


def test_a_web_page_cannot_send_tensors_without_a_type(served):
    async def scenario(client):
        body = json.dumps({"inputs": make_tensors(1)})
        bare = await client.post("/v2/models/flights/infer", content=body)
        page = await client.post("/v2/models/flights/infer", content=body, headers={"origin": "http://evil.example"})
        return bare.status_code, page.status_code

    assert served.run(scenario) == (200, 415)


def test_a_loop_whose_version_cannot_be_loaded_is_listed_with_the_reason(served):
    served.send(served.release(train_forest(seed=7), loop="trains").number, loop="trains")
    for path in (served.folder / "keys").iterdir():
        path.unlink()
    index = post(served, "/v2/repository/index", {}).json()
    assert {entry["state"] for entry in index} == {"UNAVAILABLE"}
    assert "cannot be loaded" in index[0]["reason"]
    assert post(served, "/v2/repository/index", {"ready": True}).json() == []
    assert post(served, "/v2/repository/index", {"ready": 1}).json()["path"] == "$.ready"


def test_the_server_tells_what_it_is_and_what_a_loop_takes(served):
    assert get(served, "/v2").json()["name"] == "holdtrue"
    told = get(served, "/v2/models/flights").json()
    assert (told["versions"], told["platform"]) == (["1"], "holdtrue_skops")
    assert [tensor["name"] for tensor in told["inputs"]] == ["distance", "hour", "dest", "flight", "tail", "departs_at"]
    assert get(served, "/v2/models/flights/ready").json() == {"name": "flights", "ready": True}
    assert get(served, "/v2/models/flights/versions/1").json()["versions"] == ["1"]
    lost = get(served, "/v2/models/flights/versions/7")
    assert (lost.status_code, lost.json()["code"]) == (404, "unknown_version")
    assert get(served, "/v2/health/ready").json() == {
        "ready": True,
        "nonce": "n",
        "worker": 0,
        "revisions": {"flights": 1},
        "problems": [],
    }


def test_metrics_count_what_happened(served):
    async def scenario(client):
        await client.post(PREDICT, json={"rows": [{**ROW, "dest": "XYZ"}, {}]})
        return (await client.get("/metrics")).text

    text = served.run(scenario)
    assert 'holdtrue_rows_total{loop="flights",role="champion",version="v1"} 1.0' in text
    assert 'holdtrue_unseen_levels_total{loop="flights",version="v1"} 1.0' in text
    assert 'holdtrue_refused_rows_total{code="missing_field",loop="flights"} 1.0' in text
    assert 'holdtrue_requests_total{route="/v1/predict/{loop}",status="200"} 1.0' in text


def test_many_requests_at_once_get_their_own_answers(served, forests):
    frame = make_frame(5, 60)
    expected = load_model(forests[0].data, forests[0].format, CLASSES).score(frame)[:, 1]

    async def scenario(client):
        replies = await asyncio.gather(*(client.post(PREDICT, json={"rows": [row]}) for row in frame.to_dicts()))
        return [reply.json()["predictions"][0]["answer"]["probabilities"]["true"] for reply in replies]

    assert served.run(scenario) == pytest.approx(expected, abs=1e-12)


def test_a_body_that_does_not_come_is_not_waited_for(served, monkeypatch):
    monkeypatch.setattr(intake, "BODY_SECONDS", 0.05)

    async def scenario(client):
        async def stall():
            yield b"{"
            await asyncio.sleep(5)

        return await client.post(PREDICT, content=stall(), headers={"content-type": "application/json"})

    assert served.run(scenario).status_code == 408


SCRAPS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.sampled_from(["BOS", "UA1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*ROW, *EVENT, "rows", "x"]), inner),
    max_leaves=6,
)
NAMES = st.sampled_from([*ROW, *EVENT, "late", "distanse"])
HOSTILE_ROWS = st.dictionaries(NAMES, SCRAPS, max_size=4).map(lambda changes: {**ROW, **changes})


def test_no_body_whatever_breaks_the_server(served):
    async def scenario(client):
        async def ask(path, body):
            reply = await client.post(path, content=body, headers={"content-type": "application/json"})
            assert reply.status_code < 500, (body, reply.text)
            told = reply.json()
            assert "error" in told or "predictions" in told or "outputs" in told or "accepted" in told

        loop = asyncio.get_running_loop()

        @settings(max_examples=150, deadline=None, derandomize=True, database=None)
        @given(st.lists(HOSTILE_ROWS | SCRAPS, max_size=3), SCRAPS, st.binary(max_size=40))
        def attack(rows, scrap, noise):
            body = json.dumps({"rows": rows}).encode()
            broken = bytearray(body)
            broken[len(noise) % len(body) :] = noise
            tensors = {"inputs": [{"name": "distance", "shape": [1], "datatype": "FP64", "data": scrap}, scrap]}
            for path, content in (
                (PREDICT, body),
                (PREDICT, bytes(broken)),
                (PREDICT, json.dumps(scrap).encode()),
                ("/v1/labels", json.dumps({"labels": rows}).encode()),
                ("/v2/models/flights/infer", json.dumps(tensors).encode()),
            ):
                asyncio.run_coroutine_threadsafe(ask(path, content), loop).result()

        await asyncio.to_thread(attack)

    served.run(scenario)


def test_rows_are_answered_without_a_server_too(served):
    rows = [{**ROW, "flight": "a"}, {**ROW, "flight": "b", "hour": "noon"}, {**ROW, "flight": "c"}]
    entries = list(answer_rows(served.folder, "flights", rows))
    assert [entry.get("key") for entry in entries] == ["a", None, "c"]
    assert entries[1]["error"]["path"] == "$.rows[1].hour"
    assert [row.key for row in served.read_log()] == ["a", "c"]
    with pytest.raises(NotFound, match="no version of 'trains' can answer"):
        list(answer_rows(served.folder, "trains", rows))
