import pytest

from serving.flights import MINUTES, train_forest

LABELS = "/v1/labels/flights"


def send(flights, labels, path=LABELS):
    async def scenario(client):
        return await client.post(path, json={"labels": labels})

    return flights.run(scenario)


def test_a_label_is_on_the_disk_before_the_reply(served):
    async def scenario(client):
        item = {"key": "UA1", "label": True, "at": "2013-09-02T00:00:00+02:00"}
        reply = await client.post(LABELS, json={"labels": [item]})
        return reply, served.read_labels()

    reply, facts = served.run(scenario)
    assert (reply.status_code, reply.json()) == (202, {"accepted": 1, "refused": 0})
    assert [(fact.loop, fact.key, fact.prediction_id, fact.label, fact.at) for fact in facts] == [
        ("flights", "UA1", None, True, 1378072800.0)
    ]


def test_a_label_may_name_the_prediction_and_leave_the_moment_out(served):
    assert send(served, [{"prediction_id": "p", "label": False}], "/v1/labels").status_code == 202
    (fact,) = served.read_labels()
    assert (fact.key, fact.prediction_id, fact.label) == (None, "p", False)
    assert fact.at == pytest.approx(fact.received_at, abs=5)


@pytest.mark.parametrize(
    ("item", "code", "place"),
    [
        ({"label": True}, "missing_field", ""),
        ({"key": "a", "prediction_id": "p", "label": True}, "missing_field", ""),
        ({"key": "a"}, "missing_field", ".label"),
        ({"key": "a", "label": 1}, "label_not_allowed", ".label"),
        ({"key": "a", "label": "true"}, "label_not_allowed", ".label"),
        ({"key": "a", "label": True, "at": "2013-09-02T00:00:00"}, "no_time_zone", ".at"),
        ({"key": "a", "label": True, "when": 1}, "unknown_field", ".when"),
        (7, "wrong_form", ""),
    ],
)
def test_a_bad_label_is_named_by_its_path_and_the_others_are_accepted(served, item, code, place):
    reply = send(served, [{"key": "good", "label": True}, item])
    assert reply.status_code == 202
    assert (reply.json()["accepted"], reply.json()["refused"]) == (1, 1)
    assert reply.json()["errors"][0]["code"] == code
    assert reply.json()["errors"][0]["path"] == f"$.labels[1]{place}"
    assert [fact.key for fact in served.read_labels()] == ["good"]


def test_when_every_label_is_bad_the_request_is_refused(served):
    reply = send(served, [{"key": "a", "label": 3}])
    assert reply.status_code == 422
    assert "one of false, true" in reply.json()["error"]["message"]
    assert served.read_labels() == []


def test_a_number_may_be_any_finite_number(flights):
    flights.send(flights.release(train_forest(MINUTES), signature=MINUTES, rule=None).number)
    reply = send(flights, [{"key": "a", "label": -3}, {"key": "b", "label": True}, {"key": "c", "label": 10**301}])
    assert [error["path"] for error in reply.json()["errors"]] == ["$.labels[1].label", "$.labels[2].label"]
    assert [fact.label for fact in flights.read_labels()] == [-3]


def test_labels_that_cannot_be_written_are_not_accepted(served):
    (served.folder / "labels").write_text("a file where the folder should be")
    reply = send(served, [{"key": "a", "label": True}])
    assert (reply.status_code, reply.json()["error"]["code"]) == (503, "log_full")
