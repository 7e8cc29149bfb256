"""Explaining a row over HTTP, beside predictions and never in their way."""

import asyncio
import time

import numpy as np
import pytest

from holdtrue.registry import load_model
from holdtrue.serving.counts.counter import Metric
from holdtrue.serving.explain import MOST_WAITING
from serving.flights import CLASSES, ROW, make_frame

EXPLAIN = "/v1/explain/flights"
SAMPLE = tuple(make_frame(seed=9, n_rows=16).to_dicts())


def release(flights, stored):
    scorer = load_model(stored.data, stored.format, CLASSES)
    answers = tuple(tuple(row) for row in scorer.score(list(SAMPLE)).tolist())
    flights.release(stored, sample=SAMPLE, sample_answers=answers)
    flights.send(1)


def ask(client, *rows, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(EXPLAIN, json={"rows": [{**ROW, **row} for row in rows or ({},)]}, headers=named)


def test_trees_of_lightgbm_are_explained_exactly(flights, boosters):
    release(flights, boosters[0])

    async def scenario(client):
        explained = (await ask(client)).json()
        predicted = (await client.post("/v1/predict/flights", json={"rows": [ROW]})).json()["predictions"][0]
        return explained, predicted["answer"]["probabilities"]["true"], client.replica.counters

    told, probability, counters = flights.run(scenario)
    assert (told["loop"], told["version"], told["role"], told["of"]) == ("flights", "v1", "champion", True)
    assert (told["method"], told["scale"]) == ("exact", "log_odds")
    assert 1 / (1 + np.exp(-told["answer"])) == pytest.approx(probability, abs=1e-9)
    parts = told["contributions"]
    assert sum(part["contribution"] for part in parts) == pytest.approx(told["answer"] - told["base"], abs=1e-9)
    assert parts[0]["feature"] == "hour"
    assert {part["feature"]: part["value"] for part in parts} == ROW
    assert counters.value(Metric.EXPLANATIONS, "flights", "v1", "exact") == 1
    assert len(flights.read_log()) == 1, "an explanation is no prediction"


def test_other_models_are_explained_against_the_sample_of_their_release(flights, forests):
    release(flights, forests[0])

    async def scenario(client):
        return (await ask(client)).json(), (await ask(client)).json()

    told, again = flights.run(scenario)
    assert told == again
    assert (told["method"], told["scale"], told["n_references"]) == ("sampled", "probability", 16)
    parts = told["contributions"]
    assert sum(part["contribution"] for part in parts) == pytest.approx(told["answer"] - told["base"], abs=1e-9)
    assert parts[0]["feature"] == "hour"
    assert parts[0]["standard_error"] > 0


def test_a_v2_request_is_explained_too(flights, boosters):
    release(flights, boosters[0])
    inputs = [
        {"name": "distance", "shape": [1], "datatype": "FP64", "data": [700]},
        {"name": "hour", "shape": [1], "datatype": "INT64", "data": [18]},
        {"name": "dest", "shape": [1], "datatype": "BYTES", "data": ["BOS"]},
    ]

    async def scenario(client):
        reply = await client.post("/v2/models/flights/explain", json={"id": "7", "inputs": inputs})
        return reply.json(), (await ask(client)).json()

    told, native = flights.run(scenario)
    assert (told["model_name"], told["model_version"], told["id"]) == ("flights", "1", "7")
    assert told["contributions"] == native["contributions"]


def test_what_cannot_be_explained_is_refused_with_its_place(flights, forests):
    flights.release(forests[0])
    flights.send(1)

    async def scenario(client):
        return [
            await ask(client, {"distance": "far"}),
            await ask(client, {}, {}),
            await ask(client),
            await client.post("/v1/explain/nowhere", json={"rows": [ROW]}),
        ]

    replies = flights.run(scenario)
    told = [(reply.status_code, reply.json()["error"]["code"]) for reply in replies]
    assert told == [(422, "wrong_type"), (422, "wrong_form"), (500, "model_failed"), (404, "unknown_loop")]
    assert "no rows to compare" in replies[2].json()["error"]["message"]


def slow_model(client, seconds):
    version = client.replica.engine.served["flights"].champion
    version.pace.is_lost = True
    score, calls = version.scorer.score_rows, []

    def wait(rows):
        calls.append(len(rows))
        time.sleep(seconds)
        return score(rows)

    version.scorer.score_rows = wait
    return calls


def test_explanations_wait_in_a_bounded_queue_and_predictions_pass_them(flights, forests):
    release(flights, forests[0])

    async def scenario(client):
        slow_model(client, 0.005)
        asked = [asyncio.create_task(ask(client)) for _ in range(MOST_WAITING + 3)]
        await asyncio.sleep(0.1)
        took = []
        for i in range(10):
            began = time.monotonic()
            reply = await client.post("/v1/predict/flights", json={"rows": [{**ROW, "flight": str(i)}]})
            assert reply.status_code == 200
            took.append(time.monotonic() - began)
        is_explaining = not all(task.done() for task in asked[:MOST_WAITING])
        replies = await asyncio.gather(*asked)
        return took, is_explaining, [reply.status_code for reply in replies]

    took, is_explaining, statuses = flights.run(scenario)
    assert is_explaining
    assert np.median(took) < 0.1
    assert sorted(statuses) == [200] * MOST_WAITING + [503] * 3


def test_an_explanation_whose_time_is_up_is_let_go_of(flights, forests):
    release(flights, forests[0])

    async def scenario(client):
        calls = slow_model(client, 0.05)
        reply = await ask(client, x_request_timeout_ms="120")
        await asyncio.sleep(0.2)
        n_calls = len(calls)
        await asyncio.sleep(0.2)
        return reply, n_calls, len(calls)

    reply, n_calls, later = flights.run(scenario)
    assert (reply.status_code, reply.json()["error"]["code"]) == (504, "deadline_passed")
    assert n_calls == later
