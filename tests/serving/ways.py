"""Both ways of a request, the short one and the careful one, asked the same and told apart."""

import asyncio
import json
import re
import time
from contextlib import contextmanager

import msgspec

from holdtrue.clock import ScaledClock
from holdtrue.serving.fast.head import Route
from holdtrue.store.segments import read_segments
from serving.flights import JSON, NOW

NATIVE = Route("native", "flights", "/v1/predict/{loop}")
V2 = Route("v2", "flights", "/v2/models/{loop}/infer")
PATHS = {NATIVE: "/v1/predict/flights", V2: "/v2/models/flights/infer"}
EVENT = {"flight": "LH1", "tail": "N1", "departs_at": "2013-09-01T10:00:00Z"}


class Client:
    """Waits for a reply of the lane."""

    def __init__(self):
        self.replies = []
        self.bodies = []
        self.n_careful = 0

    def reply(self, body):
        self.bodies.append(body)
        self.replies.append(json.loads(body))

    def go_careful(self):
        self.n_careful += 1


def make_tensors(rows, **changes):
    types = {"distance": "FP64", "hour": "INT64"}
    names = list(rows[0])
    inputs = [
        {"name": name, "shape": [len(rows)], "datatype": types.get(name, "BYTES"), "data": [row[name] for row in rows]}
        for name in names
    ]
    return {"inputs": inputs, **changes}


def strip(told):
    """Return a reply without the ids, which differ from request to request."""
    text = json.loads(json.dumps(told))
    for row in text.get("predictions", []):
        row["key"] = "" if row["key"] == row["prediction_id"] else row["key"]
        row["prediction_id"] = ""
    for tensor in text.get("outputs", []):
        if tensor["name"] == "prediction_id":
            tensor["data"] = []
    return text


def strip_row(prediction):
    """Return a row of the log without what differs from request to request."""
    own = prediction.prediction_id
    told = {name: getattr(prediction, name) for name in prediction.__struct_fields__}
    told |= {name: "" for name in ("key", "unit") if told[name] == own}
    if abs(prediction.time - prediction.received_at) < 60:
        told["time"] = None  # the moment of the request
    for name in ("prediction_id", "latency_ms", "received_at"):
        del told[name]
    return told


def ask_lane(flights, route, content):
    """Return what the lane replied and logged, or None when it did not take the request."""

    async def scenario(client):
        lane, asker = client.replica.lane, Client()
        if not lane.take(route, json.dumps(content).encode(), asker):
            return None
        lane.flush()
        assert asker.n_careful == 0
        return asker.replies[0]

    before = len(flights.read_log())
    return flights.run(scenario), flights.read_log()[before:]


def ask_app(flights, route, content):
    async def scenario(client):
        reply = await client.post(PATHS[route], content=json.dumps(content), headers=JSON)
        return reply.status_code, reply.json()

    before = len(flights.read_log())
    return flights.run(scenario), flights.read_log()[before:]


def spell_log(flights, n_before=0):
    """Return the bytes of the log's rows but for what differs from request to request."""
    spelt = []
    for frame in [*read_segments(flights.folder / "log" / "flights")][n_before:]:
        row = [bytes(each) for each in msgspec.json.decode(frame.payload, type=list[msgspec.Raw])]
        own, (latency, received) = row[0], row[-3:-1]
        assert float(latency) >= 0
        assert float(received) > 1.7e9
        spelt.append([b"own" if each == own else each for each in row[1:-3]] + row[-1:])
    return spelt


def blank_ids(body):
    """Return the bytes of a reply without ids."""
    return re.sub(rb'"[0-9a-f]{32}"', b'"id"', body)


async def ask_short(client, route, content):
    """Return what the short way replied, None where it did not take the request."""
    lane, asker = client.replica.lane, Client()
    if not lane.take(route, json.dumps(content).encode(), asker):
        return None
    lane.flush()
    assert asker.n_careful == 0
    return blank_ids(asker.bodies[0])


async def ask_careful(client, route, content):
    reply = await client.post(PATHS[route], content=json.dumps(content), headers=JSON)
    return reply.status_code, blank_ids(reply.content)


def stop_clock():
    """Return business time that stands still, so that rows without a time are all of one moment."""
    return ScaledClock(NOW, began_unix=time.time(), speed=1e-12)


class BothWays:
    """A server that goes on from question to question."""

    def __init__(self, flights, runner, client):
        self.flights, self.client = flights, client
        self.run = runner.run

    def ask(self, route, content):
        """Ask both ways, look that they reply and log the same, and return the reply; None where one way alone did."""
        n_before = len(self.flights.read_log())
        short = self.run(ask_short(self.client, route, content))
        n_between = len(self.flights.read_log())
        status, careful = self.run(ask_careful(self.client, route, content))
        if short is None:
            assert n_between == n_before
            return None
        assert (status, careful) == (200, short)
        logged = spell_log(self.flights, n_before)
        n_rows = n_between - n_before
        assert logged[:n_rows] == logged[n_rows:]
        return json.loads(short)


@contextmanager
def open_both(flights):
    """Serve in this process until the block ends."""
    with asyncio.Runner() as runner:
        serving = flights.serve()
        try:
            yield BothWays(flights, runner, runner.run(serving.__aenter__()))
        finally:
            runner.run(serving.__aexit__(None, None, None))
