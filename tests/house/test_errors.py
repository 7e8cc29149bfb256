"""Every error says what was found, and comes out of the command line as a sentence with an exit code."""

import inspect

import pytest

from holdtrue import errors
from holdtrue.cli import app as cli_app

# Too few labels, and a project that is controlled elsewhere; all else was refused.
EXIT_CODES = {errors.LabelsScarce: 4, errors.ProjectBusy: 5}
KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.HoldtrueError)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_error_says_found_expected_and_remedy(kind: type[errors.HoldtrueError]) -> None:
    error = kind("nothing was there", expected="something", remedy="look again")
    assert str(error) == "nothing was there. Expected: something. Do this: look again."
    assert kind.__name__ in (errors.__doc__ or "")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_error_has_an_exit_code(
    kind: type[errors.HoldtrueError], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise kind("nothing was there")

    monkeypatch.setattr(cli_app, "make_app", lambda modules: fail)
    with pytest.raises(SystemExit) as caught:
        cli_app.main()
    assert caught.value.code == EXIT_CODES.get(kind, 2)
    assert "nothing was there" in capsys.readouterr().err
