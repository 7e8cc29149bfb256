"""The document that is generated from signatures: it is valid, and says of a row what the server says of it."""

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openapi_spec_validator import OpenAPIV31SpecValidator

from holdtrue.domain import Column, Kind, Limits, Rule, Schema, Signature, Task
from holdtrue.serving.answer.loaded import load_version
from holdtrue.serving.request.place import RowPlace
from holdtrue.serving.request.refusal import Refused
from holdtrue.serving.request.row import RowReader
from holdtrue.serving.traffic_file import read_traffic_file
from holdtrue.serving.wire.openapi.row import describe_column
from serving.flights import DELAYS, MINUTES, ROW, train_forest, train_line
from serving.forms import JSON_FORMS


@pytest.fixture
def served(flights, forests):
    sample = {"distance": 700.0, "hour": 18, "dest": "BOS"}
    pointer = flights.release(forests[0])
    flights.send(pointer.number)
    loaded = load_version(
        read_traffic_file(flights.folder).loops["flights"].versions[pointer.number], folder=flights.folder
    )
    answers = tuple(tuple(row) for row in loaded.score([[700.0, 18, "BOS"]]).tolist())
    flights.send(flights.release(forests[0], sample=(sample,), sample_answers=answers).number)
    return flights


def get(flights, path):
    async def scenario(client):
        return (await client.get(path)).json()

    return flights.run(scenario)


def check(document, reference, value):
    schema = {"$ref": f"#/components/schemas/{reference}", "components": document["components"]}
    jsonschema.Draft202012Validator(schema).validate(value)


def test_the_document_of_a_loop_is_valid_and_has_its_row(served):
    document = get(served, "/v2/models/flights/openapi.json")
    OpenAPIV31SpecValidator(document).validate()
    row = document["components"]["schemas"]["flights.Row"]
    assert row["required"] == ["distance", "hour", "dest"]
    assert list(row["properties"]) == ["distance", "hour", "dest", "departs_at", "tail", "flight"]
    assert row["properties"]["distance"] == {"type": "number"}
    assert row["properties"]["hour"]["type"] == ["integer", "null"]
    assert row["examples"] == [ROW]


def test_the_document_of_all_loops_is_valid_and_has_each(served):
    served.send(
        served.release(train_forest(MINUTES), loop="trains", signature=MINUTES, rule=None).number, loop="trains"
    )
    document = get(served, "/openapi.json")
    OpenAPIV31SpecValidator(document).validate()
    assert {"/v1/predict/flights", "/v1/predict/trains", "/v2/health/ready"} <= set(document["paths"])
    assert document["components"]["schemas"]["trains.Answer"]["properties"]["answer"] == {"type": "number"}


def test_while_a_challenger_is_on_trial_a_row_has_the_features_of_both(flights):
    champion = flights.release(train_forest(MINUTES), signature=MINUTES, rule=None)
    challenger = flights.release(train_line(), signature=DELAYS, rule=None)
    flights.send(champion.number, challenger=challenger.number, challenger_share=0.5)
    document = get(flights, "/openapi.json")
    OpenAPIV31SpecValidator(document).validate()
    row = document["components"]["schemas"]["flights.Row"]
    assert row["required"] == ["distance", "hour", "dest", "wind speed"]
    assert "v1 of flights, v2 of flights" in document["info"]["description"]


def test_the_document_of_no_loop_is_valid(flights):
    OpenAPIV31SpecValidator(get(flights, "/openapi.json")).validate()


def test_each_example_is_answered_as_the_document_says(served):
    document = get(served, "/openapi.json")
    names = {
        document["paths"][path]["post"]["operationId"] for path in document["paths"] if _find_example(document, path)
    }
    answered = {"Rows-flights", "Frame-flights", "Instances-flights", "Infer-flights"}
    assert names == answered | {"ExplainRows-flights", "ExplainInfer-flights"}

    async def scenario(client):
        replies = {}
        for path in document["paths"]:
            if example := _find_example(document, path):
                replies[path] = await client.post(path, json=example)
        return replies

    for path, reply in served.run(scenario).items():
        operation = document["paths"][path]["post"]
        assert reply.status_code == 200, reply.text
        check(document, _name_schema(operation["requestBody"]), _find_example(document, path))
        check(document, _name_schema(operation["responses"]["200"]), reply.json())


def _find_example(document, path):
    operation = document["paths"][path].get("post", {})
    return operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")


def _name_schema(part):
    return part["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]


@pytest.mark.parametrize("form", JSON_FORMS, ids=repr)
def test_bodies_and_refusals_of_every_form_are_as_the_document_says(served, form):
    document = get(served, "/openapi.json")
    path = form.name_path("flights")
    operation = document["paths"][path]["post"]
    event = {} if form.name == "lists" else {"flight": "a"}
    check(document, _name_schema(operation["requestBody"]), form.shape([{**ROW, **event}]))

    async def scenario(client):
        good = await client.post(path, json=form.shape([{**ROW, **event}]))
        return good, await client.post(path, json=form.shape([{**ROW, "distance": None}]))

    good, bad = served.run(scenario)
    check(document, _name_schema(operation["responses"]["200"]), good.json())
    check(document, _name_schema(operation["responses"]["4XX"]), bad.json())


COLUMNS = (
    Column(name="number", kind=Kind.NUMBER, nullable=False, limits=Limits(low=0, high=10.5)),
    Column(name="free", kind=Kind.NUMBER),
    Column(name="whole", kind=Kind.INTEGER, limits=Limits(low=-3)),
    Column(name="any", kind=Kind.INTEGER, nullable=False),
    Column(name="flag", kind=Kind.BOOLEAN),
    Column(name="closed", kind=Kind.TEXT, levels=("a", "b"), limits=Limits(levels=("a", "b"))),
    Column(name="open", kind=Kind.TEXT, nullable=False, levels=("a", "b")),
)
VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.integers(-4, 12)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.floats(-1, 11)
    | st.sampled_from([2**63, 2**63 - 1, -(2**63), -(2**63) - 1, 3.0, "a", "c", [], {}, [1], ""])
)


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(value=VALUES)
def test_the_schema_of_a_column_says_of_a_value_what_its_reader_says(column, value):
    signature = Signature(schema=Schema((column,)), task=Task.REGRESSION, label="y")
    says = jsonschema.Draft202012Validator(describe_column(column)).is_valid(value)
    try:
        RowReader(signature).read({column.name: value}, RowPlace(0), known=frozenset())
    except Refused:
        assert not says
    else:
        assert says


def test_what_a_table_says_of_a_column_is_told_in_words():
    seen = Column(name="distance", kind=Kind.NUMBER, low=1.0, high=2_500.0, unit="mile")
    assert describe_column(seen)["description"] == "Unit: mile. Seen from 1 to 2500."
    assert "minimum" not in describe_column(seen)


def test_the_rules_of_a_row_are_told(flights, forests):
    schema = Schema(tuple(MINUTES.schema.columns), rules=(Rule(name="far", text="distance > hour"),))
    signature = Signature(schema=schema, task=Task.REGRESSION, label="delay")
    flights.send(flights.release(train_forest(signature), signature=signature, rule=None).number)
    row = get(flights, "/openapi.json")["components"]["schemas"]["flights.Row"]
    assert row["description"] == "Each row keeps far: distance > hour."
