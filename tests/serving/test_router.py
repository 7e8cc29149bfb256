"""Routing, shadow, fallback and swaps, in this process with real models."""

import asyncio
from collections import Counter

import pytest

from holdtrue.domain import Role, assign
from holdtrue.registry import load_model
from holdtrue.serving.counts.counter import Metric
from serving.flights import CLASSES, ROW

PREDICT = "/v1/predict/flights"


@pytest.fixture
def both(flights, forests):
    for stored in forests:
        flights.release(stored)
    return flights


def make_rows(n_rows):
    return [{**ROW, "tail": f"N{i}", "flight": f"F{i}"} for i in range(n_rows)]


async def predict(client, rows):
    reply = await client.post(PREDICT, json={"rows": rows})
    assert reply.status_code == 200, reply.text
    return reply.json()["predictions"]


def break_model(replica, number):
    """Make a loaded version fail on rows of unit distance 666."""
    version = replica.engine.served["flights"].versions[number]
    score = version.scorer.score_rows

    def fail_on_some(rows):
        if any(row[0] == 666.0 for row in rows):
            raise RuntimeError("the beast")
        return score(rows)

    version.scorer.score_rows = fail_on_some


def test_units_are_split_by_share_and_stay_where_they_are(both):
    both.send(1, challenger=2, challenger_share=0.3)

    async def scenario(client):
        traffic = client.replica.engine.served["flights"].traffic
        first, again = [await predict(client, make_rows(200)) for _ in range(2)]
        assert [answer["version"] for answer in first] == [answer["version"] for answer in again]
        wanted = [f"v{assign(traffic, f'N{i}').version}" for i in range(200)]
        assert [answer["version"] for answer in first] == wanted
        return Counter((answer["version"], answer["role"]) for answer in first)

    counts = both.run(scenario)
    assert set(counts) == {("v1", "champion"), ("v2", "challenger")}
    assert 30 < counts["v2", "challenger"] < 90
    assert {row.probability for row in both.read_log()} == {0.3, 0.7}


def test_the_shadow_is_asked_off_the_reply_path_and_logged_under_the_same_id(both, forests):
    both.send(1, challenger=2, is_shadowed=True)

    async def scenario(client):
        answers = await predict(client, make_rows(50))
        await client.replica.shadow.drain()
        return answers

    answers = both.run(scenario)
    log = both.read_log()
    shadow = {row.prediction_id: row for row in log if row.role is Role.SHADOW}
    assert {answer["version"] for answer in answers} == {"v1"}
    assert set(shadow) == {answer["prediction_id"] for answer in answers}
    assert {row.version for row in shadow.values()} == {2}
    expected = load_model(forests[1].data, forests[1].format, CLASSES).score([ROW])[0]
    assert next(iter(shadow.values())).answer == pytest.approx(tuple(expected))


def test_a_paired_canary_asks_the_champion_about_the_challengers_rows(both):
    both.send(1, challenger=2, challenger_share=0.5, is_shadowed=True)

    async def scenario(client):
        await predict(client, make_rows(40))
        await client.replica.shadow.drain()

    both.run(scenario)
    pairs = {}
    for row in both.read_log():
        pairs.setdefault(row.prediction_id, {})[row.role] = row.version
    assert all({*pair.values()} == {1, 2} and Role.SHADOW in pair for pair in pairs.values())


def test_shadow_rows_that_find_no_room_are_dropped_and_counted(both):
    both.send(1, challenger=2, is_shadowed=True)

    async def scenario(client):
        client.replica.shadow._queue_rows = 10
        await predict(client, make_rows(50))
        await client.replica.shadow.drain()
        return client.replica.counters

    counters = both.run(scenario)
    assert counters.value(Metric.SHADOW_DROPPED, "flights", "v2", "queue_full") == 40
    assert counters.value(Metric.ROWS, "flights", "v2", "shadow") == 10


def test_the_champion_answers_for_a_challenger_that_fails_and_the_row_says_so(both):
    both.send(1, challenger=2, challenger_share=1.0)

    async def scenario(client):
        break_model(client.replica, 2)
        return await predict(client, [{**ROW, "flight": "a"}, {**ROW, "flight": "b", "distance": 666.0}])

    answers = both.run(scenario)
    assert [(answer["version"], answer["role"]) for answer in answers] == [("v2", "challenger"), ("v1", "champion")]
    assert answers[1]["fallback"] == "v2 failed: the beast"
    assert [row.fallback for row in both.read_log()] == [None, "v2 failed: the beast"]


def test_a_row_that_the_champion_fails_on_fails_alone(both):
    both.send(1)

    async def scenario(client):
        break_model(client.replica, 1)
        rows = [{**ROW, "flight": "a"}, {**ROW, "flight": "b", "distance": 666.0}, {**ROW, "flight": "c"}]
        return await predict(client, rows), await client.post(PREDICT, json={"rows": rows[1:2]})

    answers, alone = both.run(scenario)
    assert answers[1]["error"]["code"] == "model_failed"
    assert (alone.status_code, alone.json()["error"]["code"]) == (500, "model_failed")
    assert [row.key for row in both.read_log()] == ["a", "c"]


def test_a_shadow_that_fails_is_counted_and_holds_nobody_up(both):
    both.send(1, challenger=2, is_shadowed=True)

    async def scenario(client):
        break_model(client.replica, 2)
        await predict(client, [{**ROW, "distance": 666.0}, ROW])
        await client.replica.shadow.drain()
        return client.replica.counters

    assert both.run(scenario).value(Metric.SHADOW_DROPPED, "flights", "v2", "failed") == 1
    shadows = [row for row in both.read_log() if row.role is Role.SHADOW]
    assert sorted((row.fallback, len(row.answer)) for row in shadows if row.fallback) == [("v2 failed: the beast", 0)]
    assert [len(row.answer) for row in shadows if row.fallback is None] == [2]


def test_more_rows_than_the_queue_holds_are_sent_away(both):
    both.send(1)

    async def scenario(client):
        engine = client.replica.engine
        engine.batcher(engine.served["flights"].champion)._queue_rows = 60
        replies = await asyncio.gather(*(client.post(PREDICT, json={"rows": make_rows(50)}) for _ in range(8)))
        return replies

    replies = both.run(scenario)
    busy = [reply for reply in replies if reply.status_code == 503]
    assert {reply.status_code for reply in replies} == {200, 503}
    assert busy[0].json()["error"]["code"] == "overloaded"
    assert busy[0].headers["retry-after"] == "1"
    assert len(both.read_log()) == 50 * (8 - len(busy))


def test_a_hundred_swaps_under_load_drop_nothing(both):
    both.send(1)

    async def scenario(client):
        statuses, versions = Counter(), set()
        is_over = asyncio.Event()

        async def ask(i):
            while not is_over.is_set():
                reply = await client.post(PREDICT, json={"rows": [{**ROW, "tail": f"N{i}"}]})
                statuses[reply.status_code] += 1
                versions.add(reply.json()["predictions"][0]["version"])

        asking = [asyncio.create_task(ask(i)) for i in range(8)]
        for i in range(100):
            both.send(1 + i % 2)
            await client.replica.engine.pull()
            await asyncio.sleep(0)
        is_over.set()
        await asyncio.gather(*asking)
        return statuses, versions, client.replica.counters

    statuses, versions, counters = both.run(scenario)
    assert set(statuses) == {200}
    assert statuses[200] > 20
    assert versions == {"v1", "v2"}
    assert counters.value(Metric.SWAPS, "flights") >= 100
    assert len(both.read_log()) == statuses[200]
