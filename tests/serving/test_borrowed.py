"""The forms of other servers: what they answer beyond rows, and what of theirs is not offered here."""

import pytest

from serving.flights import MINUTES, ROW, train_forest

SPLIT = {"dataframe_split": {"columns": list(ROW), "data": [list(ROW.values())]}}


def post(flights, path, content):
    async def scenario(client):
        return await client.post(path, json=content)

    return flights.run(scenario)


def get(flights, path):
    async def scenario(client):
        return await client.get(path)

    return flights.run(scenario)


def test_invocations_answer_with_what_predict_gives(served):
    told = post(served, "/invocations", SPLIT).json()
    (row,) = served.read_log()
    assert told == {"predictions": [bool(row.answer[1] > row.answer[0])], "prediction_ids": [row.prediction_id]}


def test_invocations_of_a_regression_answer_with_numbers(flights):
    flights.send(flights.release(train_forest(MINUTES), signature=MINUTES, rule=None).number)
    told = post(flights, "/invocations", SPLIT).json()
    assert told["predictions"] == list(flights.read_log()[0].answer)


def test_rows_are_predicted_and_columns_put_out(served):
    rows = post(served, "/v1/models/flights:predict", {"instances": [ROW], "signature_name": "serving_default"}).json()
    columns = post(served, "/v1/models/flights:predict", {"inputs": {name: [v] for name, v in ROW.items()}}).json()
    native = post(served, "/v1/predict", {"rows": [ROW]}).json()["predictions"][0]
    (row,) = rows["predictions"]
    assert row["answer"] == native["answer"]
    assert set(row) == set(native)
    assert columns["outputs"]["probabilities"] == [list(native["answer"]["probabilities"].values())]
    assert columns["outputs"]["version"] == ["v1"]


def test_what_is_served_is_told_as_tensorflow_serving_does(served, forests):
    assert get(served, "/v1/models").json() == {"models": ["flights"]}
    served.send(1, challenger=served.release(forests[1]).number, challenger_share=0.5)
    told = get(served, "/v1/models/flights").json()
    assert (told["name"], told["ready"]) == ("flights", True)
    assert [(state["version"], state["state"]) for state in told["model_version_status"]] == [
        ("2", "AVAILABLE"),
        ("1", "AVAILABLE"),
    ]
    assert get(served, "/v1/models/trains").status_code == 404


@pytest.mark.parametrize(
    ("path", "content", "place"),
    [
        ("/invocations", {**SPLIT, "params": {"temperature": 1}}, "$.params"),
        ("/invocations", {**SPLIT, "rows": []}, "$.rows"),
        ("/invocations", {**SPLIT, "instances": [ROW]}, "$"),
        ("/invocations", {"params": {}}, "$"),
        ("/v1/models/flights:predict", {"instances": [ROW], "parameters": {"top": 1}}, "$.parameters"),
        ("/v1/models/flights:predict", {"instances": [ROW], "signature_name": "other"}, "$.signature_name"),
        ("/v1/models/flights:predict", {"instances": [ROW], "inputs": {}}, "$"),
        ("/v1/models/flights:predict", {"examples": [ROW]}, "$.examples"),
    ],
)
def test_what_is_not_offered_is_refused_with_its_place(served, path, content, place):
    reply = post(served, path, content)
    assert (reply.status_code, reply.json()["path"]) == (422, place)
    assert served.read_log() == []


def test_empty_parameters_are_let_pass(served):
    assert post(served, "/invocations", {**SPLIT, "params": {}}).status_code == 200
    assert post(served, "/v1/models/flights:predict", {"instances": [ROW], "parameters": {}}).status_code == 200


def test_what_mlflows_own_client_sends_of_a_frame_is_answered(served):
    """It writes `DataFrame.to_dict(orient="split")`, with the index."""
    frame = {"index": [5, 6], "columns": list(ROW), "data": [list(ROW.values())] * 2}
    told = post(served, "/invocations", {"dataframe_split": frame}).json()
    assert len(told["predictions"]) == len(told["prediction_ids"]) == 2
