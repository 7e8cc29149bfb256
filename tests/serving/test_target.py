"""How a project is served here: the table of its pyproject.toml."""

import pytest

from holdtrue.errors import DeclarationError
from holdtrue.serving.target import ServingTarget, read_target


@pytest.fixture
def home(tmp_path):
    return tmp_path / ".holdtrue"


def say(home, text):
    (home.parent / "pyproject.toml").write_text(text)


def test_without_a_file_or_a_table_requests_wait_and_models_use_one_thread(home):
    assert read_target(home) == ServingTarget(timeout_ms=None, model_threads=1)
    say(home, '[project]\nname = "x"\n')
    assert read_target(home).timeout_seconds is None


def test_the_table_says_the_usual_time_and_the_threads(home):
    say(home, "[tool.holdtrue.serving]\ntimeout_ms = 250\nmodel_threads = 2\n")
    assert read_target(home) == ServingTarget(timeout_ms=250, model_threads=2)
    assert read_target(home).timeout_seconds == 0.25


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("timeout = 250", "'timeout'"),
        ("timeout_ms = 0", "timeout_ms"),
        ("timeout_ms = 1.5", "timeout_ms"),
        ("model_threads = true", "model_threads"),
        ("model_threads = 1000", "256"),
        ("timeout_ms = [", "cannot be read"),
    ],
)
def test_what_is_not_known_or_cannot_be_meant_is_named(home, text, named):
    say(home, f"[tool.holdtrue.serving]\n{text}\n")
    with pytest.raises(DeclarationError, match=named):
        read_target(home)


def test_a_table_that_is_none_is_refused(home):
    say(home, "[tool]\nholdtrue = 3\n")
    with pytest.raises(DeclarationError, match="no table"):
        read_target(home)
