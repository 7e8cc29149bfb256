import pytest

from holdtrue.errors import DeclarationError
from holdtrue.serving.app import make_app
from holdtrue.serving.cloud import Cloud, read_cloud
from holdtrue.serving.replica import Replica, Seat
from serving.flights import ROW


@pytest.mark.parametrize(
    ("environment", "port"),
    [
        ({}, 8080),
        ({"PORT": "9000"}, 9000),
        ({"PORT": "9000", "AIP_HTTP_PORT": "9001"}, 9001),
        ({"PORT": "9000", "AIP_HTTP_PORT": ""}, 9000),
    ],
)
def test_the_platform_says_the_port(environment, port):
    assert read_cloud(environment).port == port


def test_the_platform_says_its_paths():
    cloud = read_cloud({"AIP_HEALTH_ROUTE": "/v1/health", "AIP_PREDICT_ROUTE": "/v1/endpoints/7:predict"})
    assert (cloud.health_route, cloud.predict_route) == ("/v1/health", "/v1/endpoints/7:predict")


@pytest.mark.parametrize(
    "environment",
    [
        {"PORT": "eighty"},
        {"PORT": "0"},
        {"PORT": "70000"},
        {"AIP_HTTP_PORT": "-1"},
        {"AIP_HEALTH_ROUTE": "health"},
        {"AIP_PREDICT_ROUTE": "/{loop}"},
        {"AIP_PREDICT_ROUTE": "/a b"},
    ],
)
def test_a_variable_that_makes_no_sense_is_named(environment):
    with pytest.raises(DeclarationError, match=next(iter(environment))):
        read_cloud(environment)


def test_the_platforms_paths_answer_beside_ours(flights, forests):
    flights.send(flights.release(forests[0]).number)
    cloud = Cloud(health_route="/aip/health", predict_route="/aip/predict")

    async def scenario(client):
        healths = [
            (await client.get(path)).status_code
            for path in ("/ping", "/health", "/healthz", "/aip/health", "/v2/health/ready")
        ]
        reply = await client.post("/aip/predict", json={"instances": [ROW]})
        return healths, reply.json()

    healths, told = flights.run(scenario, cloud=cloud)
    assert healths == [200] * 5
    assert told["predictions"][0]["version"] == "v1"


@pytest.mark.parametrize("path", ["/ping", "/healthz", "/v2/health/ready"])
def test_health_is_refused_before_anything_can_be_answered(flights, path):
    async def scenario(client):
        return (await client.get(path)).status_code, (await client.get("/v2/health/live")).status_code

    assert flights.run(scenario) == (503, 200)


def test_a_path_that_is_ours_already_stays_ours(flights, forests):
    flights.send(flights.release(forests[0]).number)

    async def scenario(client):
        return (await client.post("/v1/predict", json={"rows": [ROW]})).status_code

    assert flights.run(scenario, cloud=Cloud(predict_route="/v1/predict", health_route="/ping")) == 200


def test_the_environment_is_what_a_worker_goes_by(flights, monkeypatch):
    monkeypatch.setenv("AIP_HEALTH_ROUTE", "/somewhere")
    app = make_app(Replica(flights.folder, Seat()))
    assert "/somewhere" in [route.path for route in app.routes]
