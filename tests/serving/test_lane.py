import asyncio
import json
import time
from dataclasses import replace

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdtrue.domain import Column, Kind, Limits, Rule, Schema, Signature, Task
from holdtrue.errors import StoreFailed
from holdtrue.registry import dump_model
from holdtrue.serving.answer.pace import LATE_SECONDS, N_LATE, Pace
from holdtrue.serving.fast import form as form_module
from holdtrue.serving.fast.head import Route
from holdtrue.store import Store
from serving.flights import CLASSES, ROW, Flights
from serving.ways import (
    EVENT,
    NATIVE,
    PATHS,
    V2,
    Client,
    ask_app,
    ask_lane,
    make_tensors,
    open_both,
    stop_clock,
    strip,
    strip_row,
)


@pytest.fixture
def served(flights, boosters):
    flights.release(boosters[0])
    flights.send(1)
    return flights


@pytest.mark.parametrize("row", [ROW, {**ROW, **EVENT}, {**ROW, "dest": "OAK"}, {**ROW, "hour": None, "tail": 17}])
@pytest.mark.parametrize("n_rows", [1, 3])
def test_the_lane_answers_and_logs_what_the_app_does(served, row, n_rows):
    rows = [{**row, **({"flight": f"LH{i}"} if "flight" in row else {})} for i in range(n_rows)]
    contents = [(NATIVE, {"rows": rows})]
    if "tail" not in row or isinstance(row["tail"], str):
        contents += [(V2, make_tensors(rows)), (V2, make_tensors(rows, id="mine"))]
    for route, content in contents:
        told, logged = ask_lane(served, route, content)
        (status, expected), expected_log = ask_app(served, route, content)
        assert status == 200
        assert strip(told) == strip(expected)
        assert [strip_row(each) for each in logged] == [strip_row(each) for each in expected_log]


_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**65), 2**65),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["BOS", "OAK", "", "2013-09-01T10:00:00Z", "2013-09-01", "x" * 600]),
    st.just([1]),
)


@st.composite
def _rows(draw):
    row = {**ROW, **EVENT}
    for name in draw(st.lists(st.sampled_from([*row, "other"]), max_size=2)):
        if draw(st.booleans()):
            row[name] = draw(_VALUES)
        else:
            row.pop(name, None)
    return row


@pytest.fixture(scope="module")
def both(tmp_path_factory, boosters):
    with Store.open(tmp_path_factory.mktemp("lane") / ".holdtrue") as store, pytest.MonkeyPatch.context() as patch:
        patch.setattr(form_module, "MOST_ORDERS", 10_000)
        flights = Flights(store)
        flights.release(boosters[0])
        flights.send(1, clock=stop_clock())
        with open_both(flights) as both:
            yield both


@settings(max_examples=150, deadline=None)
@given(rows=st.lists(_rows(), min_size=1, max_size=3))
def test_the_lane_takes_nothing_that_the_app_refuses(both, rows):
    both.ask(NATIVE, {"rows": rows})


@settings(max_examples=60, deadline=None)
@given(
    row=_rows(),
    n_rows=st.integers(1, 2),
    kind=st.sampled_from(["FP64", "INT64", "BYTES", "BOOL"]),
    turned=st.integers(0, 5),
    is_nested=st.booleans(),
    has_id=st.booleans(),
)
def test_tensors_in_an_order_that_came_before_are_checked_as_all_others_are(
    both, row, n_rows, kind, turned, is_nested, has_id
):
    names = [*row][turned:] + [*row][:turned]
    good = {**ROW, **EVENT, "other": 1}

    def spell(row, n_rows):
        content = make_tensors([{name: row[name] for name in names}] * n_rows, **({"id": "mine"} if has_id else {}))
        for tensor in content["inputs"]:
            tensor["shape"] += [1] * is_nested
        return content

    both.ask(V2, spell(good, 1))
    both.ask(V2, spell(row, n_rows))
    if "tail" in names:
        both.ask(V2, spell({**good, "tail": 17}, 1))
    if names:
        content = spell(row, n_rows)
        content["inputs"][0]["datatype"] = kind
        both.ask(V2, content)


def test_an_order_of_tensors_is_learned_a_few_times_and_no_more(served, monkeypatch):
    monkeypatch.setattr(form_module, "MOST_ORDERS", 2)
    learned = []
    steady = form_module.SteadyForm

    def learn(row_type, datatypes, tensors):
        learned.append([tensor.name for tensor in tensors])
        return steady(row_type, datatypes, tensors)

    monkeypatch.setattr(form_module, "SteadyForm", learn)
    first = ["distance", "hour", "dest", "departs_at"]
    orders = [first, first[1:] + first[:1], first[::-1]]
    with open_both(served) as both:
        for order in [first, *orders, *orders]:
            assert both.ask(V2, make_tensors([{name: {**ROW, **EVENT}[name] for name in order}])) is not None
    assert learned == orders[:2]


def test_declared_limits_and_rules_are_kept(flights, boosters):
    columns = (
        Column(name="distance", kind=Kind.NUMBER, nullable=False, limits=Limits(low=0, high=5_000)),
        Column(name="hour", kind=Kind.INTEGER, limits=Limits(low=0.5, high=23.5)),
        Column(name="dest", kind=Kind.TEXT, levels=("ATL", "BOS", "SFO"), limits=Limits(levels=("ATL", "BOS", "SFO"))),
    )
    schema = Schema(columns, rules=(Rule(name="far", text="distance > 100 OR hour > 20"),))
    flights.release(
        boosters[0], signature=Signature(schema=schema, task=Task.BINARY, label="late", classes=(False, True))
    )
    flights.send(1)
    assert ask_lane(flights, NATIVE, {"rows": [ROW]})[0] is not None
    for changes in (
        {"distance": -1},
        {"distance": 5_001},
        {"hour": 0},
        {"hour": 24},
        {"dest": "OAK"},
        {"distance": 50},
    ):
        content = {"rows": [{**ROW, **changes}]}
        assert ask_lane(flights, NATIVE, content)[0] is None, changes
        assert ask_app(flights, NATIVE, content)[0][0] == 422, changes


def test_a_matrix_of_numbers_is_taken(flights):
    schema = Schema(tuple(Column(name=f"x{i}", kind=Kind.NUMBER, nullable=False) for i in range(4)))
    signature = Signature(schema=schema, task=Task.BINARY, label="late", classes=(False, True))
    matrix = np.random.default_rng(0).normal(size=(200, 4))
    model = lightgbm.LGBMClassifier(n_estimators=5, verbose=-1, num_threads=1).fit(matrix, matrix[:, 0] > 0)
    stored = dump_model(model, task=Task.BINARY, n_features=4, signature=signature)
    flights.release(stored, signature=signature, rule=None)
    flights.send(1)
    tensor = {"name": "x", "shape": [2, 4], "datatype": "FP32", "data": [1, 2.5, -3, 4, 0, 0, 0, 0]}
    for content in ({"inputs": [tensor]}, {"inputs": [tensor], "id": 'a"b'}):
        told, logged = ask_lane(flights, V2, content)
        (status, expected), expected_log = ask_app(flights, V2, content)
        assert (status, strip(told)) == (200, strip(expected))
        assert [strip_row(each) for each in logged] == [strip_row(each) for each in expected_log]
    for changes in ({"shape": [1, 4]}, {"shape": [2, 3]}, {"datatype": "BYTES"}, {"data": [None] * 8}):
        assert ask_lane(flights, V2, {"inputs": [{**tensor, **changes}]})[0] is None


def test_a_matrix_keeps_limits_and_nulls(flights, boosters):
    columns = (
        Column(name="distance", kind=Kind.NUMBER, nullable=False, limits=Limits(low=0, high=5_000)),
        Column(name="hour", kind=Kind.NUMBER),
        Column(name="dest", kind=Kind.NUMBER),
    )
    flights.release(boosters[0], signature=replace(CLASSES, schema=Schema(columns)))
    flights.send(1)
    for data, status in (
        ([700, 18, 1], 200),
        ([700.5, None, None], 200),
        ([-1, 18, 1], 422),
        ([5_001, 18, 1], 422),
        ([None, 18, 1], 422),
    ):
        content = {"inputs": [{"name": "x", "shape": [1, 3], "datatype": "FP64", "data": data}]}
        told, _ = ask_lane(flights, V2, content)
        assert ask_app(flights, V2, content)[0][0] == status, data
        assert (told is not None) == (status == 200), data


def test_shares_and_shadow_are_as_the_app_has_them(flights, boosters):
    for stored in boosters:
        flights.release(stored)
    flights.send(1, challenger=2, challenger_share=0.5, is_shadowed=True)
    rows = [{**ROW, "flight": f"LH{i}", "tail": f"N{i}"} for i in range(40)]

    async def by_lane(client):
        asker = Client()
        assert client.replica.lane.take(NATIVE, json.dumps({"rows": rows}).encode(), asker)
        client.replica.lane.flush()
        await client.replica.shadow.drain()
        return asker.replies[0]

    async def by_app(client):
        reply = await client.post(PATHS[NATIVE], json={"rows": rows})
        await client.replica.shadow.drain()
        return reply.json()

    told = flights.run(by_lane)
    logged = flights.read_log()
    expected = flights.run(by_app)
    assert strip(told) == strip(expected)
    assert {row["role"] for row in told["predictions"]} == {"champion", "challenger"}

    def order(predictions):
        return sorted((strip_row(each) for each in predictions), key=lambda row: (row["key"], row["role"]))

    assert order(logged) == order(flights.read_log()[len(logged) :])
    assert len(logged) == 80


def test_versions_that_take_other_columns_are_left_to_the_app(flights, boosters, forests):
    flights.release(boosters[0])
    less = Schema((*CLASSES.schema.columns[:2], Column(name="dest", kind=Kind.TEXT, nullable=False, levels=("ATL",))))
    flights.release(
        boosters[1], signature=Signature(schema=less, task=Task.BINARY, label="late", classes=(False, True))
    )
    flights.send(1)
    assert ask_lane(flights, NATIVE, {"rows": [ROW]})[0] is not None
    flights.send(1, challenger=2, challenger_share=0.5)
    assert ask_lane(flights, NATIVE, {"rows": [ROW]})[0] is None


def test_requests_of_one_tick_are_written_at_once_and_counted(served):
    async def scenario(client):
        lane, askers = client.replica.lane, [Client() for _ in range(5)]
        for i, asker in enumerate(askers):
            assert lane.take(NATIVE, json.dumps({"rows": [{**ROW, "dest": "OAK" if i else "BOS"}]}).encode(), asker)
        assert served.read_log() == []
        lane.flush()
        assert [len(asker.replies) for asker in askers] == [1] * 5
        return (await client.get("/metrics")).text

    metrics = served.run(scenario)
    assert len(served.read_log()) == 5
    assert 'holdtrue_requests_total{route="/v1/predict/{loop}",status="200"} 5.0' in metrics
    assert 'holdtrue_rows_total{loop="flights",role="champion",version="v1"} 5.0' in metrics
    assert 'holdtrue_unseen_levels_total{loop="flights",version="v1"} 4.0' in metrics
    assert 'holdtrue_latency_seconds_count{loop="flights"} 5.0' in metrics


def test_many_rows_are_not_waited_with_until_the_tick_ends(served):
    async def scenario(client):
        lane, askers = client.replica.lane, [Client() for _ in range(9)]
        rows = [{**ROW, "flight": f"LH{i}"} for i in range(64)]
        for asker in askers:
            assert lane.take(NATIVE, json.dumps({"rows": rows}).encode(), asker)
        n_replied = [len(asker.replies) for asker in askers]
        lane.flush()
        return n_replied, [len(asker.replies) for asker in askers]

    assert served.run(scenario) == ([1] * 8 + [0], [1] * 9)


def test_a_log_that_refuses_sends_everyone_to_the_app(served, monkeypatch):
    async def scenario(client):
        lane, asker = client.replica.lane, Client()
        failure = StoreFailed("the disk is full", expected="space")
        monkeypatch.setattr(client.replica.log, "append_now", lambda loop, payloads: failure)
        assert lane.take(NATIVE, json.dumps({"rows": [ROW]}).encode(), asker)
        lane.flush()
        return asker

    asker = served.run(scenario)
    assert (asker.n_careful, asker.replies) == (1, [])


def test_what_is_not_plain_is_not_taken(served):
    twice = {"rows": [{**ROW, "flight": "LH1"}, {**ROW, "flight": "LH1"}]}
    many = {"rows": [{**ROW, "flight": f"LH{i}"} for i in range(65)]}
    for content in (twice, many, {"rows": []}, {"rows": [ROW], "more": 1}, [], {"rows": [1]}):
        assert ask_lane(served, NATIVE, content)[0] is None
    unknown = Route("native", "trains", "/v1/predict/{loop}")
    assert ask_lane(served, unknown, {"rows": [ROW]})[0] is None


def test_a_slow_model_is_left_to_the_app(served):
    async def scenario(client):
        served_loop = client.replica.engine.served["flights"]
        slow = {number: _slow_down(version) for number, version in served_loop.versions.items()}
        client.replica.engine._served = {"flights": type(served_loop)(served_loop.traffic, slow)}
        return client.replica.lane.take(NATIVE, json.dumps({"rows": [ROW]}).encode(), Client())

    assert served.run(scenario) is False


def _slow_down(version):
    return replace(version, pace=Pace(call_seconds=0.01))


def test_a_model_that_holds_the_interpreter_is_asked_on_the_event_loop_and_for_many_rows_at_once(served):
    async def scenario(client):
        served_loop, lane = client.replica.engine.served["flights"], client.replica.lane
        held = {
            number: replace(version, pace=Pace(call_seconds=0.2, held_seconds=0.002))
            for number, version in served_loop.versions.items()
        }
        client.replica.engine._served = {"flights": type(served_loop)(served_loop.traffic, held)}

        async def ask(n_requests):
            askers = [Client() for _ in range(n_requests)]
            for asker in askers:
                assert lane.take(NATIVE, json.dumps({"rows": [ROW]}).encode(), asker)
            return askers

        async def count_replies(askers):
            await asyncio.sleep(0)
            return sum(len(asker.replies) for asker in askers)

        alone = await count_replies(await ask(1))
        together = await count_replies(await ask(2))
        first = await ask(1)  # the two before came together: this one waits a fiftieth of a second for others
        early = await count_replies(first)
        second = await ask(1)
        await asyncio.sleep(0.1)
        return alone, together, early, await count_replies(first + second)

    assert served.run(scenario) == (1, 2, 0, 2)
    assert len(served.read_log()) == 5


def test_a_model_that_loses_its_pace_is_left_to_the_app(served):
    async def scenario(client):
        lane, asker = client.replica.lane, Client()
        version = client.replica.engine.served["flights"].champion
        score = version.scorer.score_rows

        def dawdle(rows):
            time.sleep(LATE_SECONDS * 1.2)
            return score(rows)

        version.scorer.score_rows = dawdle
        body = json.dumps({"rows": [ROW]}).encode()
        taken = []
        for _ in range(N_LATE + 1):
            taken.append(lane.take(NATIVE, body, asker))
            lane.flush()
        return taken, len(asker.replies)

    assert served.run(scenario) == ([True] * N_LATE + [False], N_LATE)
