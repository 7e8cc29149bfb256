"""Rows of a version that computes features are answered the short way, as the careful way answers them."""

import json
from dataclasses import replace
from datetime import timedelta

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import holdtrue as ht
from holdtrue.domain import Column, Feature, Kind, Lookup, PastTable, Schema, Task, name_past_key
from holdtrue.domain import encode_canonically as encode
from holdtrue.registry import dump_model
from holdtrue.serving import write_lookup_file
from holdtrue.serving.answer import shelf as shelf_module
from holdtrue.serving.counts.counter import Metric
from holdtrue.serving.fast.plain_loop import make_plain_loop
from holdtrue.store import Store
from serving.flights import CLASSES, NOW, ROW, SCHEMA, Flights
from serving.ways import (
    EVENT,
    NATIVE,
    V2,
    Client,
    ask_careful,
    ask_short,
    make_tensors,
    open_both,
    spell_log,
    stop_clock,
)

BY_DEST = ht.history("7d", by="dest", of="late").mean()
BY_BOTH = ht.history("1d", by=("dest", "hour"), of="late", every="6h").sum()
REFRESHED = NOW.replace(hour=0)
FEATURES = {
    "local_hour": (Kind.INTEGER, ["hour", ["col", "__time"], "America/New_York"]),
    "is_far": (Kind.BOOLEAN, [">", ["col", "distance"], ["lit", 500.0]]),
    "late_7d": (Kind.NUMBER, BY_DEST),
    "late_1d": (Kind.NUMBER, BY_BOTH),
    "worse": (Kind.BOOLEAN, [">", ["coalesce", ["col", "late_7d"], ["lit", 0.0]], ["lit", 0.3]]),
    "ratio": (Kind.NUMBER, ["/", ["col", "distance"], ["float", ["col", "hour"]]]),
    "is_oak": (Kind.BOOLEAN, ["==", ["col", "dest"], ["lit", "OAK"]]),
    "where": (Kind.TEXT, ["when", ["col", "is_far"], ["lit", "far"], ["col", "dest"]]),
}
SCALES = {"distance": 1_000.0, "doubled": 2_000.0, "hour": 24.0, "local_hour": 24.0, "ratio": 60.0, "late_1d": 5.0}
OTHER = {"late_1d": FEATURES["late_1d"], "doubled": (Kind.NUMBER, ["*", ["col", "distance"], ["lit", 2.0]])}


def sign(declared=FEATURES):
    """Return the signature of flights with these features."""
    columns = [
        Column(name=name, kind=kind, levels=("far", "BOS") if kind is Kind.TEXT else ())
        for name, (kind, _) in declared.items()
    ]
    features = tuple(
        Feature(name=name, formula=json.dumps(said)) if isinstance(said, list) else Feature(name=name, past=said)
        for name, (_, said) in declared.items()
    )
    # The model takes what is computed before what is given, so that an order by chance is no order.
    return replace(CLASSES, schema=Schema((*columns, *SCHEMA.columns)), features=features)


def train(signature, seed=0):
    """Train trees that look at every column."""
    names = signature.schema.names
    wide = np.random.default_rng(seed).uniform(0, 1, (400, len(names)))
    matrix = wide * [SCALES.get(name, 2.0) for name in names]
    data = lightgbm.Dataset(matrix, label=wide.sum(axis=1) > len(names) / 2, feature_name=[*names])
    options = {"objective": "binary", "verbose": -1, "num_threads": 1, "seed": seed}
    booster = lightgbm.train(options, data, num_boost_round=20)
    return dump_model(booster, task=Task.BINARY, n_features=len(names), signature=signature)


def make_lookup(value, refreshed_at=REFRESHED):
    by_dest = {name_past_key(["BOS"]): value, name_past_key(["OAK"]): value / 3}
    by_both = {name_past_key(["BOS", 18]): value * 5}
    return Lookup(
        tables={
            BY_DEST.digest: PastTable(refreshed_at=refreshed_at, values=by_dest),
            BY_BOTH.digest: PastTable(refreshed_at=refreshed_at, values=by_both),
        }
    )


def release(flights, declared=FEATURES, seed=0):
    signature = sign(declared)
    shipped = flights.store.artifacts.put(encode(make_lookup(0.7)))
    return flights.release(train(signature, seed), signature=signature, lookup=shipped).number


@pytest.fixture
def served(flights):
    flights.send(release(flights), clock=stop_clock())
    return flights


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    with Store.open(tmp_path_factory.mktemp("features") / ".holdtrue") as store:
        flights = Flights(store)
        flights.send(release(flights), clock=stop_clock())
        with open_both(flights) as both:
            yield both


OLD = {**EVENT, "departs_at": (REFRESHED - timedelta(days=2)).isoformat()}
LATE = {**EVENT, "departs_at": (REFRESHED - timedelta(hours=7)).isoformat()}
CASES = {
    "as of now": ({}, 0.7, 3.5),
    "of a moment": (EVENT, 0.7, 3.5),
    "from long before the refresh": (OLD, None, None),
    "from before one refresh of two": (LATE, 0.7, None),
    "a level that training had not seen": ({"dest": "OAK"}, 0.7 / 3, None),
    "a level that nothing is known of": ({"dest": "XYZ"}, None, None),
    "without a level": ({"dest": None}, None, None),
    "without an hour": ({**EVENT, "hour": None}, 0.7, None),
    "near": ({"distance": 400}, 0.7, 3.5),
    "of nothing": ({"distance": 0, "hour": 0}, 0.7, None),
}


@pytest.mark.parametrize("case", CASES)
def test_the_lane_answers_and_logs_to_the_byte_what_the_app_does(both, case):
    changes, late_7d, late_1d = CASES[case]
    rows = [{**ROW, **changes, **({"flight": f"LH{i}"} if "flight" in changes else {})} for i in range(3)]
    for route, content in (
        (NATIVE, {"rows": rows[:1]}),
        (NATIVE, {"rows": rows}),
        (V2, make_tensors(rows[:1])),
        (V2, make_tensors(rows, id="mine")),
    ):
        assert both.ask(route, content) is not None
        taken = both.flights.read_log()[-1].features
        assert [*taken] == ["distance", "hour", "dest", "late_7d", "late_1d"]
        assert (taken["late_7d"], taken["late_1d"]) == (pytest.approx(late_7d), pytest.approx(late_1d))


def test_what_the_lane_logs_says_what_the_model_took(both):
    both.ask(NATIVE, {"rows": [{**ROW, "dest": "OAK"}]})
    both.ask(NATIVE, {"rows": [{**ROW, **EVENT, "hour": None}]})
    logged = both.flights.read_log()[-3:]

    async def replay(client):
        version = client.replica.engine.served["flights"].champion
        rows = [version.read_logged(each) for each in logged]
        answers = version.score([row.values for row in rows]).reshape(len(rows), -1)
        names = version.release.version.signature.schema.names
        return answers.tolist(), [dict(zip(names, row.values, strict=True)) for row in rows]

    answers, taken = both.run(replay(both.client))
    assert answers == [list(each.answer) for each in logged]
    assert taken[0] == {
        **{"local_hour": 8, "is_far": True, "late_7d": 0.7 / 3, "late_1d": None, "worse": False, "ratio": 700 / 18},
        **{"is_oak": True, "where": "far", "distance": 700.0, "hour": 18, "dest": None},
    }


@pytest.mark.parametrize("name", ["late_7d", "is_far"])
@pytest.mark.parametrize("value", [None, 0, 0.5, True, "text", [], {}])
def test_a_request_that_carries_a_computed_column_is_left_to_the_app_which_refuses_it(both, name, value):
    content = {"rows": [{**ROW, name: value}]}
    assert both.run(ask_short(both.client, NATIVE, content)) is None
    status, told = both.run(ask_careful(both.client, NATIVE, content))
    assert status == 422
    assert json.loads(told)["error"]["code"] == "unknown_field"


_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**65), 2**65),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(
        ["BOS", "OAK", "", "far", "2013-09-01T10:00:00Z", "2013-08-31T19:00:00-04:00", "1900-01-01T00:00Z"]
    ),
)


@st.composite
def _rows(draw):
    row = {**ROW, **draw(st.sampled_from([{}, EVENT, OLD, LATE]))}
    for name in draw(st.lists(st.sampled_from([*ROW, *EVENT, "late_7d", "where"]), max_size=2)):
        if draw(st.booleans()):
            row[name] = draw(_VALUES)
        else:
            row.pop(name, None)
    return row


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(_rows(), min_size=1, max_size=3), form=st.sampled_from(["native", "v2"]))
def test_the_lane_takes_nothing_that_the_app_refuses_and_computes_the_same_of_any_row(both, rows, form):
    if form == "v2" and len({tuple(row) for row in rows}) > 1:
        rows = rows[:1]
    content = {"rows": rows} if form == "native" else make_tensors(rows)
    both.ask(NATIVE if form == "native" else V2, content)


def test_a_lookup_that_is_refreshed_counts_from_the_next_row_on(served, monkeypatch):
    monkeypatch.setattr(shelf_module, "LOOK_SECONDS", 0.0)

    async def scenario(client):
        content, told = {"rows": [ROW]}, []
        for value in (None, 0.25, 0.5):
            if value is not None:
                write_lookup_file(served.folder, "flights", make_lookup(value))
                await client.replica.engine.refresh_lookups()
            told.append(await ask_short(client, NATIVE, content))
            assert (200, told[-1]) == await ask_careful(client, NATIVE, content)
        return told

    told = served.run(scenario)
    assert [row.features["late_7d"] for row in served.read_log()] == [0.7, 0.7, 0.25, 0.25, 0.5, 0.5]
    assert len(set(told)) > 1


def test_versions_with_other_features_are_each_asked_and_logged_with_their_own(flights, boosters):
    champion, challenger = release(flights), release(flights, OTHER, seed=1)
    flights.send(champion, clock=stop_clock(), challenger=challenger, challenger_share=0.5, is_shadowed=True)
    rows = [{**ROW, "flight": f"LH{i}", "tail": f"N{i}"} for i in range(40)]

    async def scenario(client):
        short = await ask_short(client, NATIVE, {"rows": rows})
        await client.replica.shadow.drain()
        n_short = len(flights.read_log())
        status, told = await ask_careful(client, NATIVE, {"rows": rows})
        await client.replica.shadow.drain()
        assert (status, told) == (200, short)
        return n_short

    assert flights.run(scenario) == 80
    logged = spell_log(flights)
    assert sorted(logged[:80]) == sorted(logged[80:])
    own = {champion: ["late_7d", "late_1d"], challenger: ["late_1d"]}
    assert all([*row.features][3:] == own[row.version] for row in flights.read_log())
    assert {(row.version, row.role.value) for row in flights.read_log()} == {
        *((champion, role) for role in ("champion", "shadow")),
        *((challenger, role) for role in ("challenger", "shadow")),
    }


def test_a_version_with_features_may_stand_beside_one_without(flights, boosters):
    champion, challenger = flights.release(boosters[0]).number, release(flights)
    flights.send(champion, clock=stop_clock(), challenger=challenger, challenger_share=0.5)
    rows = [{**ROW, "flight": f"LH{i}", "tail": f"N{i}"} for i in range(20)]
    with open_both(flights) as both:
        told = both.ask(NATIVE, {"rows": rows})
    assert {row["role"] for row in told["predictions"]} == {"champion", "challenger"}


def break_computer(version):
    """Have the features of a version fail on rows without an hour."""
    computer = version.computer
    compute = computer.compute

    def fail(given, **more):
        if given[1] is None:
            raise OverflowError("the beast")
        return compute(given, **more)

    computer.compute = fail


def test_a_row_whose_features_fail_is_left_to_the_app_and_holds_no_other_up(served):
    async def scenario(client):
        lane, asker = client.replica.lane, Client()
        break_computer(client.replica.engine.served["flights"].champion)
        assert lane.take(NATIVE, json.dumps({"rows": [ROW]}).encode(), asker)
        assert not lane.take(NATIVE, json.dumps({"rows": [{**ROW, "hour": None}]}).encode(), Client())
        lane.flush()
        return len(asker.replies), asker.n_careful

    assert served.run(scenario) == (1, 0)


def test_a_shadow_whose_features_fail_is_counted_and_holds_no_reply_up(flights, boosters):
    champion, challenger = flights.release(boosters[0]).number, release(flights)
    flights.send(champion, clock=stop_clock(), challenger=challenger, challenger_share=0.0, is_shadowed=True)

    async def scenario(client):
        break_computer(client.replica.engine.served["flights"].versions[challenger])
        assert await ask_short(client, NATIVE, {"rows": [{**ROW, "hour": None}, ROW]}) is not None
        await client.replica.shadow.drain()
        return client.replica.counters.value(Metric.SHADOW_DROPPED, "flights", f"v{challenger}", "failed")

    assert flights.run(scenario) == 1
    assert [row.role.value for row in flights.read_log()] == ["champion", "champion", "shadow"]


def test_a_feature_of_the_name_of_an_event_is_left_to_the_app(flights):
    flights.send(release(flights, {"tail": FEATURES["late_7d"]}))

    async def scenario(client):
        return make_plain_loop(client.replica.engine.served["flights"])

    assert flights.run(scenario) is None
