"""Fallbacks and deadlines, in this process with real models that are made to fail or to wait."""

import asyncio
import threading
import time

import pytest

import holdtrue as ht
from holdtrue.domain import Role
from holdtrue.serving.counts.counter import Metric
from serving.flights import JSON, MINUTES, ROW, train_forest

PREDICT = "/v1/predict/flights"
ALL = ("failure", "deadline", "schema")


def break_model(replica, number):
    """Make a loaded version fail on rows of distance 666, and leave the others."""
    version = replica.engine.served["flights"].versions[number]
    score = version.scorer.score_rows

    def fail_on_some(rows):
        if any(row[0] == 666.0 for row in rows):
            raise RuntimeError("the beast")
        return score(rows)

    version.scorer.score_rows = fail_on_some


def call_slow(replica):
    """Have the champion answered in the thread of slow models, as one that was found slow when it was loaded."""
    version = replica.engine.served["flights"].champion
    version.pace.is_lost = True
    replica.engine._batchers.pop(version, None)
    return version


def slow_model(replica, seconds):
    """Make the champion take its time; return the list of the rows of each call."""
    version = call_slow(replica)
    score, calls = version.scorer.score_rows, []

    def wait(rows):
        calls.append(len(rows))
        time.sleep(seconds)
        return score(rows)

    version.scorer.score_rows = wait
    return calls


async def ask(client, *rows, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.post(PREDICT, json={"rows": [{**ROW, **row} for row in rows]}, headers=named)


BAD = {"distance": 666.0}


def test_a_constant_answers_for_a_model_that_fails_and_all_say_so(flights, forests):
    flights.release(forests[0], fallback=ht.constant(0.02))
    flights.send(1)

    async def scenario(client):
        break_model(client.replica, 1)
        reply = await ask(client, {"flight": "a"}, {"flight": "b", **BAD})
        metrics = (await client.get("/metrics")).text
        return reply.json()["predictions"], client.replica.counters, metrics

    (good, bad), counters, metrics = flights.run(scenario)
    assert "fallback" not in good
    assert bad["answer"] == {"probabilities": {"false": 0.98, "true": 0.02}, "label": False}
    assert (bad["version"], bad["role"]) == ("v1", "champion")
    assert bad["fallback"] == "constant: v1 failed: the beast"
    assert [row.fallback for row in flights.read_log()] == [None, bad["fallback"]]
    assert bad["decision"] == "wait", "the action rule decides about a fallback's answer too"
    assert counters.value(Metric.FALLBACKS, "flights", "v1", "failure", "constant") == 1
    assert 'holdtrue_fallbacks_total{by="constant",cause="failure",loop="flights",version="v1"} 1.0' in metrics


def test_a_rule_answers_from_the_row(flights, forests):
    flights.release(forests[0], fallback=ht.rule("CASE WHEN dest = 'BOS' THEN .3 ELSE .1 END"))
    flights.send(1)

    async def scenario(client):
        break_model(client.replica, 1)
        rows = [{**BAD, "flight": "a"}, {**BAD, "flight": "b", "dest": "ATL"}]
        return (await ask(client, *rows)).json()["predictions"]

    answers = flights.run(scenario)
    assert [answer["answer"]["probabilities"]["true"] for answer in answers] == [0.3, 0.1]


def test_the_champion_before_answers_as_itself(flights, forests):
    for stored in forests:
        flights.release(stored, fallback=ht.last_good())
    flights.send(1)
    flights.send(2)

    async def scenario(client):
        alone = client.replica.engine.served["flights"].last_good
        break_model(client.replica, 2)
        return alone.number, (await ask(client, {"flight": "a"}, {"flight": "b", **BAD})).json()["predictions"]

    number, (good, bad) = flights.run(scenario)
    assert number == 1
    assert (good["version"], good["role"]) == ("v2", "champion")
    assert (bad["version"], bad["role"], bad["fallback"]) == ("v1", "last_good", "last_good v1: v2 failed: the beast")
    assert [(row.version, row.role) for row in flights.read_log()] == [(2, Role.CHAMPION), (1, Role.LAST_GOOD)]


def test_a_version_that_was_gone_back_from_is_no_last_good_one(flights, forests):
    for stored in forests:
        flights.release(stored, fallback=ht.last_good())
    for champion in (1, 2, 1):
        flights.send(champion)

    async def scenario(client):
        break_model(client.replica, 1)
        return client.replica.engine.served["flights"].last_good, await ask(client, BAD)

    last_good, reply = flights.run(scenario)
    assert last_good is None
    assert (reply.status_code, reply.json()["error"]["code"]) == (500, "model_failed")


def test_the_last_good_version_follows_the_traffic_without_a_restart(flights, forests):
    for stored in (*forests, forests[0]):
        flights.release(stored, fallback=ht.last_good())
    flights.send(1)

    async def scenario(client):
        engine, seen = client.replica.engine, []
        for champion in (2, 3, 2):
            flights.send(champion)
            await engine.pull()
            seen.append(engine.served["flights"].last_good.number)
        return seen

    assert flights.run(scenario) == [1, 2, 1]


def test_a_broken_row_gets_a_fallback_only_where_that_is_declared(flights, forests):
    flights.release(forests[0], fallback=ht.constant(0.02))
    flights.release(forests[0], fallback=ht.constant(0.02, on=ALL))
    flights.send(1)
    broken = [{"flight": "a", "distance": "far"}, {"flight": "b", "speed": 3}, {"flight": "c"}]

    async def scenario(client):
        strict = (await ask(client, *broken)).json()["predictions"]
        flights.send(2)
        await client.replica.engine.pull()
        return strict, (await ask(client, *broken)).json()["predictions"]

    strict, lenient = flights.run(scenario)
    assert [answer.get("error", {}).get("code") for answer in strict] == ["wrong_type", "unknown_field", None]
    assert lenient[0]["fallback"].startswith("constant: the row breaks the schema: 'distance' is the text")
    assert lenient[1]["fallback"].startswith("constant: the row breaks the schema: the field 'speed' is not known")
    assert "fallback" not in lenient[2]
    logged = {row.key: row for row in flights.read_log() if row.version == 2}
    assert logged["a"].features == {**ROW, "distance": None}, "what broke the schema does not come into the log"
    assert logged["b"].features == ROW


def test_a_v2_request_with_a_broken_row_is_answered_and_names_the_fallback(flights, forests):
    flights.release(forests[0], fallback=ht.constant(0.02, on=ALL))
    flights.send(1)
    inputs = [
        {"name": "distance", "shape": [2], "datatype": "FP64", "data": [700, None]},
        {"name": "hour", "shape": [2], "datatype": "INT64", "data": [5, 6]},
        {"name": "dest", "shape": [2], "datatype": "BYTES", "data": ["BOS", "ATL"]},
    ]

    async def scenario(client):
        return await client.post("/v2/models/flights/infer", json={"inputs": inputs})

    reply = flights.run(scenario)
    outputs = {output["name"]: output["data"] for output in reply.json()["outputs"]}
    assert outputs["fallback"][0] is None
    assert "the row breaks the schema" in outputs["fallback"][1]
    assert outputs["probabilities"][2:] == [0.98, 0.02]


def test_a_challenger_that_fails_is_answered_for_by_the_champion_and_then_by_the_fallback(flights, forests):
    for stored in forests:
        flights.release(stored, fallback=ht.constant(0.02))
    flights.send(1, challenger=2, challenger_share=1.0)

    async def scenario(client):
        break_model(client.replica, 2)
        first = (await ask(client, BAD)).json()["predictions"][0]
        break_model(client.replica, 1)
        return first, (await ask(client, BAD)).json()["predictions"][0]

    first, second = flights.run(scenario)
    assert (first["role"], first["fallback"]) == ("champion", "v2 failed: the beast")
    assert (second["version"], second["fallback"]) == ("v1", "constant: v1 failed: the beast")


def test_a_regression_falls_back_to_a_number(flights):
    flights.release(train_forest(MINUTES), signature=MINUTES, rule=None, fallback=ht.rule("hour * 2"))
    flights.send(1)

    async def scenario(client):
        break_model(client.replica, 1)
        return (await ask(client, BAD)).json()["predictions"][0]["answer"]

    assert flights.run(scenario) == 36.0


def test_a_row_whose_time_is_up_is_refused_or_gets_the_fallback(flights, forests):
    flights.release(forests[0])
    flights.release(forests[0], fallback=ht.constant(0.02))
    flights.send(1)

    async def scenario(client):
        slow_model(client.replica, 0.4)
        began = time.monotonic()
        refused = await ask(client, {}, x_request_timeout_ms="50")
        took = time.monotonic() - began
        await asyncio.sleep(0.5)
        flights.send(2)
        await client.replica.engine.pull()
        slow_model(client.replica, 0.4)
        answered = await ask(client, {}, x_request_timeout_ms="50")
        patient = await ask(client, {}, x_request_timeout_ms="5000")
        return took, refused, answered, patient

    took, refused, answered, patient = flights.run(scenario)
    assert took < 0.3
    assert (refused.status_code, refused.json()["error"]["code"]) == (504, "deadline_passed")
    answer = answered.json()["predictions"][0]
    assert answer["fallback"].startswith("constant: v2 was late: the time was up after 50 ms")
    assert "fallback" not in patient.json()["predictions"][0]
    assert [row.fallback is None for row in flights.read_log()] == [False, True]


def test_the_last_good_version_answers_within_the_time_of_a_late_one(flights, forests):
    for stored in forests:
        flights.release(stored, fallback=ht.last_good())
    flights.send(1)
    flights.send(2)

    async def scenario(client):
        slow_model(client.replica, 1.0)
        began = time.monotonic()
        reply = await ask(client, {}, x_request_timeout_ms="600")
        return time.monotonic() - began, reply

    took, reply = flights.run(scenario)
    assert took < 0.7
    assert reply.json()["predictions"][0]["role"] == "last_good"


def test_work_that_nobody_waits_for_is_not_done(flights, forests):
    flights.release(forests[0])
    flights.send(1)

    async def scenario(client):
        calls = slow_model(client.replica, 0.3)
        first = asyncio.create_task(ask(client, {}))
        await asyncio.sleep(0.05)
        late = await asyncio.gather(*(ask(client, {}, x_request_timeout_ms="40") for _ in range(5)))
        await first
        await ask(client, {})
        return calls, {reply.status_code for reply in late}

    calls, statuses = flights.run(scenario)
    assert statuses == {504}
    assert calls == [1, 1], "the rows whose time was up were taken out of the queue"
    assert len(flights.read_log()) == 2


@pytest.mark.parametrize("told", ["0", "-1", "soon", "1.5", "600001", "9" * 40, ""])
def test_a_time_that_cannot_be_meant_is_refused(flights, forests, told):
    flights.release(forests[0])
    flights.send(1)

    async def scenario(client):
        return await ask(client, {}, x_request_timeout_ms=told)

    reply = flights.run(scenario)
    assert (reply.status_code, reply.json()["error"]["path"]) == (422, "x-request-timeout-ms")


def test_the_usual_time_stands_in_the_pyproject_beside_the_loop(flights, forests):
    flights.release(forests[0])
    flights.send(1)
    (flights.folder.parent / "pyproject.toml").write_text("[tool.holdtrue.serving]\ntimeout_ms = 40\n")

    async def scenario(client):
        slow_model(client.replica, 0.2)
        return await ask(client, {}), await ask(client, {}, x_request_timeout_ms="2000")

    usual, asked = flights.run(scenario)
    assert (usual.status_code, asked.status_code) == (504, 200)


def test_under_a_slow_model_the_queue_is_bounded_and_the_rest_sent_away_at_once(flights, forests):
    flights.release(forests[0])
    flights.send(1)

    async def scenario(client):
        engine = client.replica.engine
        slow_model(client.replica, 0.1)
        engine.batcher(engine.served["flights"].champion)._queue_rows = 8
        first = asyncio.create_task(ask(client, {}))
        await asyncio.sleep(0.03)
        replies = await asyncio.gather(*(ask(client, {"flight": f"f{i}"}) for i in range(30)))
        return [await first, *replies], engine.n_waiting

    replies, n_waiting = flights.run(scenario)
    busy = [reply for reply in replies if reply.status_code == 503]
    assert len(busy) == 22
    assert {(reply.json()["error"]["code"], reply.headers["retry-after"]) for reply in busy} == {("overloaded", "1")}
    assert (n_waiting, len(flights.read_log())) == (0, 9)


def test_a_client_that_has_gone_is_not_worked_for(flights, forests):
    flights.release(forests[0])
    flights.send(1)
    body = b'{"rows": [{"distance": 700.0, "hour": 18, "dest": "BOS"}]}'

    async def scenario(client):
        calls = slow_model(client.replica, 0.6)
        first = asyncio.create_task(ask(client, {}))
        await asyncio.sleep(0.05)
        has_gone = asyncio.Event()
        parts = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive():
            if parts:
                return parts.pop()
            await has_gone.wait()
            return {"type": "http.disconnect"}

        async def send(_):
            pass

        scope = {
            "type": "http", "method": "POST", "path": PREDICT, "raw_path": PREDICT.encode(), "query_string": b"",
            "headers": [(b"content-type", JSON["content-type"].encode())], "http_version": "1.1", "scheme": "http",
            "server": ("test", 80), "client": ("test", 1), "root_path": "",
        }  # fmt: skip
        gone = asyncio.create_task(client._transport.app(scope, receive, send))
        await asyncio.sleep(0.05)
        has_gone.set()
        await gone
        await first
        return calls, client.replica.counters.value(Metric.REQUESTS, "/v1/predict/{loop}", "499")

    calls, n_gone = flights.run(scenario)
    assert (calls, n_gone) == ([1], 1)


def test_a_held_model_thread_does_not_hold_the_champion_before(flights, forests):
    for stored in forests:
        flights.release(stored, fallback=ht.last_good())
    flights.send(1)
    flights.send(2)
    may_go = threading.Event()

    async def scenario(client):
        version = call_slow(client.replica)
        version.scorer.score_rows = lambda rows: may_go.wait(5)
        replies = [await ask(client, {"flight": str(i)}, x_request_timeout_ms="200") for i in range(3)]
        may_go.set()
        return [reply.json()["predictions"][0]["role"] for reply in replies]

    assert flights.run(scenario) == ["last_good"] * 3
