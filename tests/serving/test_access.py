"""Tokens with roles, the gate that asks for them, and the header that forces a version."""

import json
import threading
import time

import pytest
from starlette.requests import Request

from holdtrue.domain import Role
from holdtrue.errors import DeclarationError, NotFound, StateConflict, StoreFailed
from holdtrue.serving import TokenRole, create_token, list_tokens, revoke_token
from holdtrue.serving.access import gate as gate_module
from holdtrue.serving.access.gate import Free, Gate, find_permission, needs
from holdtrue.serving.access.token import digest_secret
from holdtrue.serving.app import make_app
from holdtrue.serving.replica import Replica, Seat
from holdtrue.serving.request.refusal import Code, Refused
from serving.flights import ROW

PREDICT = "/v1/predict/flights"
ROWS = {"rows": [{**ROW, "flight": "UA1"}]}
INFER = {
    "inputs": [
        {"name": "distance", "shape": [1], "datatype": "FP64", "data": [700]},
        {"name": "hour", "shape": [1], "datatype": "INT64", "data": [18]},
        {"name": "dest", "shape": [1], "datatype": "BYTES", "data": ["BOS"]},
    ]
}


@pytest.fixture
def served(shadowed):
    return shadowed


@pytest.fixture(autouse=True)
def _attentive(monkeypatch):
    monkeypatch.setattr(gate_module, "_REREAD_SECONDS", 0.0)


def ask(flights, method, path, content=None, *, token=None, **headers):
    if token is not None:
        headers["authorization"] = f"Bearer {token}"

    async def scenario(client):
        return await client.request(method, path, json=content, headers=headers)

    return flights.run(scenario)


def make_tokens(flights):
    return {role: create_token(flights.folder, name=role.value, role=role) for role in TokenRole}


def tell_code(reply):
    told = reply.json()
    return reply.status_code, told["code"] if "code" in told else told["error"]["code"]


def test_a_secret_has_256_bits_and_only_its_digest_is_kept(tmp_path):
    secret = create_token(tmp_path, name="ci", role=TokenRole.DEVELOP)
    (kept,) = list_tokens(tmp_path)
    text = (tmp_path / "tokens.json").read_text()
    assert len(secret.removeprefix("ht_")) == 43  # base64 of 32 bytes
    assert secret not in text
    assert kept.sha256 == digest_secret(secret)
    assert (tmp_path / "tokens.json").stat().st_mode & 0o777 == 0o600


def test_a_name_is_given_once_and_must_be_one(tmp_path):
    create_token(tmp_path, name="ci", role=TokenRole.PREDICT)
    with pytest.raises(StateConflict, match="named 'ci' already"):
        create_token(tmp_path, name="ci", role=TokenRole.DEVELOP)
    with pytest.raises(DeclarationError, match="no name"):
        create_token(tmp_path, name="a b", role=TokenRole.DEVELOP)
    with pytest.raises(NotFound, match=r"'cd'.*ci"):
        revoke_token(tmp_path, "cd")
    assert [token.role for token in list_tokens(tmp_path)] == [TokenRole.PREDICT]


def test_tokens_made_at_once_are_all_kept(tmp_path):
    threads = [
        threading.Thread(target=create_token, args=(tmp_path,), kwargs={"name": f"t{i}", "role": TokenRole.PREDICT})
        for i in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {token.name for token in list_tokens(tmp_path)} == {f"t{i}" for i in range(8)}


def test_a_broken_token_file_is_named_and_left_alone(tmp_path):
    (tmp_path / "tokens.json").write_text("{")
    for act in (list_tokens, lambda folder: create_token(folder, name="ci", role=TokenRole.DEVELOP)):
        with pytest.raises(StoreFailed, match=r"tokens\.json cannot be read"):
            act(tmp_path)
    assert (tmp_path / "tokens.json").read_text() == "{"


def test_without_tokens_this_machine_calls_freely(served):
    assert ask(served, "POST", PREDICT, ROWS).status_code == 200
    assert ask(served, "GET", "/metrics").status_code == 200


def test_from_the_first_token_on_every_route_but_health_needs_one(served):
    tokens = make_tokens(served)
    for method, path in (("POST", PREDICT), ("POST", "/v1/labels"), ("GET", "/metrics"), ("GET", "/v2")):
        reply = ask(served, method, path, ROWS if method == "POST" else None)
        assert tell_code(reply) == (401, "no_token")
        assert reply.headers["www-authenticate"] == "Bearer"
    assert ask(served, "GET", "/v2/health/live").status_code == 200
    assert ask(served, "GET", "/v2/health/ready").status_code == 200
    assert ask(served, "POST", PREDICT, ROWS, token=tokens[TokenRole.PREDICT]).status_code == 200


def test_a_role_may_do_what_those_before_it_may_and_no_more(served):
    tokens = make_tokens(served)
    reply = ask(served, "GET", "/metrics", token=tokens[TokenRole.PREDICT])
    assert tell_code(reply) == (403, "not_allowed")
    assert "needs a token of the role 'observe'" in reply.json()["error"]["message"]
    for role in (TokenRole.OBSERVE, TokenRole.DEVELOP):
        assert ask(served, "GET", "/metrics", token=tokens[role]).status_code == 200
        assert ask(served, "POST", PREDICT, ROWS, token=tokens[role]).status_code == 200


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic abc", "Bearer ht_wrong", "Bearer \xff", "ht_wrong"])
def test_what_is_no_known_token_is_refused(served, header):
    make_tokens(served)

    async def scenario(client):
        return await client.post(PREDICT, json=ROWS, headers=[(b"authorization", header.encode("latin-1"))])

    assert tell_code(served.run(scenario)) == (401, "no_token")


def test_a_running_worker_sees_a_token_made_and_taken_away(served):
    create_token(served.folder, name="keeper", role=TokenRole.DEVELOP)

    async def scenario(client):
        secret = create_token(served.folder, name="late", role=TokenRole.PREDICT)
        headers = {"authorization": f"Bearer {secret}"}
        before = await client.post(PREDICT, json=ROWS, headers=headers)
        revoke_token(served.folder, "late")
        after = await client.post(PREDICT, json=ROWS, headers=headers)
        return before.status_code, after.status_code

    assert served.run(scenario) == (200, 401)


def test_revoking_the_last_token_lets_nobody_in(served):
    create_token(served.folder, name="only", role=TokenRole.PREDICT)
    revoke_token(served.folder, "only")
    assert tell_code(ask(served, "POST", PREDICT, ROWS)) == (401, "no_token")
    (served.folder / "tokens.json").unlink()
    assert ask(served, "POST", PREDICT, ROWS).status_code == 200


def test_what_is_served_is_told_to_those_alone_who_may_know(served):
    token = make_tokens(served)[TokenRole.OBSERVE]
    path = "/v2/models/unknown/ready"
    assert "flights" not in ask(served, "GET", path).text
    assert "flights" in ask(served, "GET", path, token=token).text
    assert ask(served, "GET", "/v2/health/ready").json()["revisions"] == {}
    assert ask(served, "GET", "/v2/health/ready", token=token).json()["revisions"] == {"flights": 1}


def test_the_file_is_looked_at_a_few_times_a_second_at_most(tmp_path, monkeypatch):
    monkeypatch.setattr(gate_module, "_REREAD_SECONDS", 0.2)
    gate = Gate(tmp_path)
    assert gate.is_open
    create_token(tmp_path, name="ci", role=TokenRole.PREDICT)
    deadline = time.monotonic() + 5
    while gate.is_open:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_server_beyond_this_machine_lets_nobody_in_without_tokens(tmp_path):
    gate = Gate(tmp_path, is_exposed=True)
    with pytest.raises(Refused) as caught:
        gate.admit(None, TokenRole.PREDICT)
    assert caught.value.code is Code.NO_TOKEN
    gate.admit(None, Free.FREE)


def test_tokens_that_cannot_be_read_let_nobody_in_until_they_can(tmp_path):
    secret = create_token(tmp_path, name="ci", role=TokenRole.PREDICT)
    sound = (tmp_path / "tokens.json").read_bytes()
    gate = Gate(tmp_path)
    gate.admit(f"Bearer {secret}", TokenRole.PREDICT)
    (tmp_path / "tokens.json").write_text("{")
    with pytest.raises(Refused) as caught:
        gate.admit(f"Bearer {secret}", TokenRole.PREDICT)
    assert caught.value.status == 503
    (tmp_path / "tokens.json").write_bytes(sound)
    gate.admit(f"Bearer {secret}", TokenRole.PREDICT)


def test_readiness_tells_its_problems_to_observers_alone(served, forests):
    secret = create_token(served.folder, name="ops", role=TokenRole.OBSERVE)
    path = served.folder / "traffic.json"
    told = json.loads(path.read_text())
    told["loops"]["flights"]["versions"].pop("2")
    path.write_text(json.dumps(told))
    assert ask(served, "GET", "/v2/health/ready").json()["problems"] == []
    assert "v2" in ask(served, "GET", "/v2/health/ready", token=secret).json()["problems"][0]


def test_a_route_that_declares_no_permission_stops_the_start(tmp_path, monkeypatch):
    async def forgotten(request: Request) -> None: ...

    with pytest.raises(DeclarationError, match="forgotten declares no permission"):
        find_permission(forgotten)
    assert find_permission(needs(TokenRole.DEVELOP)(forgotten)) is TokenRole.DEVELOP
    del forgotten.permission
    monkeypatch.setattr("holdtrue.serving.wire.health.Health.show_metrics", forgotten)
    with pytest.raises(DeclarationError, match="permission"):
        make_app(Replica(tmp_path, Seat()))


def test_forcing_a_version_needs_a_developers_token_even_without_any_other(served):
    reply = ask(served, "POST", PREDICT, ROWS, **{"x-holdtrue-version": "2"})
    assert tell_code(reply) == (403, "not_allowed")
    assert "token create --role develop" in reply.json()["error"]["message"]
    tokens = make_tokens(served)
    reply = ask(served, "POST", PREDICT, ROWS, token=tokens[TokenRole.OBSERVE], **{"x-holdtrue-version": "2"})
    assert tell_code(reply) == (403, "not_allowed")
    assert served.read_log() == []


def test_a_forced_version_answers_and_its_row_says_so(served):
    token = create_token(served.folder, name="dev", role=TokenRole.DEVELOP)
    told = ask(served, "POST", PREDICT, ROWS, token=token, **{"x-holdtrue-version": "v2"}).json()["predictions"][0]
    assert (told["version"], told["role"]) == ("v2", "forced")
    (row,) = served.read_log()  # a shadow would have been asked otherwise
    assert (row.version, row.role, row.probability) == (2, Role.FORCED, 1.0)
    reply = ask(served, "POST", "/v2/models/flights/infer", INFER, token=token, **{"x-holdtrue-version": "2"}).json()
    assert {tensor["name"]: tensor["data"] for tensor in reply["outputs"]}["role"] == ["forced"]


def test_forcing_a_version_that_is_not_loaded_says_which_are(served):
    token = create_token(served.folder, name="dev", role=TokenRole.DEVELOP)
    reply = ask(served, "POST", PREDICT, ROWS, token=token, **{"x-holdtrue-version": "7"})
    assert tell_code(reply) == (404, "unknown_version")
    assert "one of 1, 2" in reply.json()["error"]["message"]


def test_a_version_in_the_path_is_forced_by_those_who_may(served):
    path = "/v2/models/flights/versions/2/infer"
    assert tell_code(ask(served, "POST", path, INFER)) == (403, "version_not_chosen")
    token = create_token(served.folder, name="dev", role=TokenRole.DEVELOP)
    outputs = ask(served, "POST", path, INFER, token=token).json()["outputs"]
    assert {tensor["name"]: tensor["data"] for tensor in outputs}["role"] == ["forced"]
    outputs = ask(served, "POST", path.replace("2/infer", "1/infer"), INFER, token=token).json()["outputs"]
    assert {tensor["name"]: tensor["data"] for tensor in outputs}["role"] == ["champion"]
