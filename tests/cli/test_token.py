"""token: made, shown once, listed without its secret, taken away."""

from pathlib import Path

import pytest

from cli.command import Command


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / ".holdtrue").mkdir()
    return tmp_path


def test_a_token_is_shown_once_listed_and_revoked(holdtrue: Command, home: Path) -> None:
    told = holdtrue("token", "create", "--role", "develop", "--name", "ci", "--folder", home).told
    secret = told.split()[0]
    assert secret.startswith("ht_")
    assert "shown this once" in told
    listed = holdtrue("token", "list", "--folder", home, "--json")
    assert secret not in listed.out
    assert [(each["name"], each["role"]) for each in listed.object["tokens"]] == [("ci", "develop")]
    assert "ci" in holdtrue("token", "list", "--folder", home).told
    gone = holdtrue("token", "revoke", "ci", "--folder", home, "--json").object
    assert gone == {"name": "ci", "role": "develop", "n_left": 0}
    assert "no token" in holdtrue("token", "list", "--folder", home).told


def test_the_secret_is_in_the_object_for_programs(holdtrue: Command, home: Path) -> None:
    told = holdtrue("token", "create", "--role", "predict", "--name", "app", "--folder", home, "--json").object
    assert (told["name"], told["role"], told["token"][:3]) == ("app", "predict", "ht_")
    assert "counts no more; 0 left" in holdtrue("token", "revoke", "app", "--folder", home).told


def test_orders_that_cannot_be_meant_are_refused(holdtrue: Command, home: Path, tmp_path: Path) -> None:
    assert (
        "'boss' is not one of"
        in holdtrue("token", "create", "--role", "boss", "--name", "ci", "--folder", home, code=2).problem
    )
    assert "no token named 'ci'" in holdtrue("token", "revoke", "ci", "--folder", home, code=2).problem
    assert "holds no project" in holdtrue("token", "list", "--folder", tmp_path / "none", code=2).problem


def test_serving_beyond_this_machine_without_tokens_is_refused(holdtrue: Command, trained: Path) -> None:
    refused = holdtrue("serve", "--folder", trained.parent, "--host", "0.0.0.0", "--insecure", code=2)
    assert "holdtrue token create" in refused.problem
    refused = holdtrue("serve", "--folder", trained.parent, "--host", "0.0.0.0", code=2)
    assert "--insecure" in refused.problem
