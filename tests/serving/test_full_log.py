"""What a client is told when the log has reached its budget, and when answers wait for the disk."""

import asyncio
import json

from holdtrue.domain import Durability, LogPolicy
from holdtrue.serving import write_policy_file
from holdtrue.serving.counts.counter import Metric
from serving.flights import ROW
from serving.ways import NATIVE, Client

PREDICT = "/v1/predict/flights"


def test_a_log_that_reached_its_budget_is_told_counted_and_nothing_is_answered(served):
    write_policy_file(served.folder, LogPolicy(budget_bytes=600))

    async def scenario(client):
        replies = [await client.post(PREDICT, json={"rows": [ROW]}) for _ in range(4)]
        return replies, client.replica.counters, (await client.get("/metrics")).text

    replies, counters, metrics = served.run(scenario)
    assert [reply.status_code for reply in replies] == [200, 503, 503, 503]
    assert replies[1].json()["error"]["code"] == "log_full"
    assert "budget is 600" in replies[1].json()["error"]["message"]
    assert counters.value(Metric.LOG_FAILURES, "flights") == 3
    assert len(served.read_log()) == 1
    assert 'holdtrue_log_bytes{loop="flights"}' in metrics


def test_answers_that_outlive_a_loss_of_power_are_the_same(served):
    write_policy_file(served.folder, LogPolicy(durability=Durability.POWER))

    async def scenario(client):
        return await asyncio.gather(*(client.post(PREDICT, json={"rows": [ROW]}) for _ in range(20)))

    assert {reply.status_code for reply in served.run(scenario)} == {200}
    assert len(served.read_log()) == 20


def test_answers_that_wait_for_the_disk_hold_nobody_else_up(flights, boosters):
    flights.release(boosters[0])
    flights.send(1)
    body = json.dumps({"rows": [ROW]}).encode()

    def is_taken():
        async def scenario(client):
            client.replica.lane.flush()
            return client.replica.lane.take(NATIVE, body, Client())

        return flights.run(scenario)

    assert is_taken()
    write_policy_file(flights.folder, LogPolicy(durability=Durability.POWER))
    assert not is_taken()
