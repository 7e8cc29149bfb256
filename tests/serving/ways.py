"""Both ways of a request, the short one and the careful one, asked the same and told apart."""

import json

from holdtrue.serving.fast.head import Route
from serving.flights import JSON

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
