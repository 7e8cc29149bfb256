import pytest

from holdtrue.cli import console
from holdtrue.cli.console import print_error, print_json, print_table, progress_bar, say
from holdtrue.domain import DecisionKind, Value


def test_without_a_terminal_progress_is_lines_on_the_error_stream(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "SECONDS_BETWEEN_LINES", 0.0)
    with progress_bar("work") as bar:
        for done in (1, 2):
            bar.update(done=done, total=4, text=f"part {done}")
        bar.update(done=3, total=None, text="part 3")
    out, err = capsys.readouterr()
    assert out == ""
    lines = [line.strip() for line in err.splitlines() if line.strip().startswith("part")]
    assert lines[:3] == ["part 1 25 %", "part 2 50 %", "part 3"]
    assert "\x1b" not in err


def test_without_a_terminal_lines_come_now_and_then_and_not_at_every_step(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = iter([0.0, 1.0, 10.5, 10.5, 11.0, 25.0, 25.0])
    monkeypatch.setattr(console, "SECONDS_BETWEEN_LINES", 10.0)
    with progress_bar("work") as bar:
        monkeypatch.setattr(console.time, "monotonic", lambda: next(moments, 26.0))
        bar._said_at = console.time.monotonic()
        for done in range(1, 5):
            bar.update(done=done, total=None, text=f"step {done}.")
        monkeypatch.undo()
    said = [line.strip() for line in capsys.readouterr().err.splitlines()]
    assert [line for line in said if line in {f"step {done}." for done in range(1, 5)}][:2] == ["step 2.", "step 4."]
    assert "step 1." not in said
    assert "step 3." not in said


def test_an_object_is_the_only_thing_on_the_output_stream(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"kind": DecisionKind.PROMOTED, "value": Value(amount=1.5, unit="EUR"), "name": "ü"})
    out, err = capsys.readouterr()
    assert '"kind": "promoted"' in out
    assert '"amount": 1.5' in out
    assert "ü" in out
    assert err == ""


def test_what_users_wrote_is_printed_as_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    say("[bold]drop=['heat'][/bold]")
    print_error("[red]list[0][/red]")
    out, err = capsys.readouterr()
    assert out == "[bold]drop=['heat'][/bold]\n"
    assert err == "[red]list[0][/red]\n"


def test_a_long_sentence_is_not_broken_by_us(capsys: pytest.CaptureFixture[str]) -> None:
    say("word " * 100)
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_a_table_shows_numbers_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("T", ["name", "n", "x"], [("a", 1234567, 0.123456), ("b", None, 1234.5)])
    out = capsys.readouterr().out
    for cell in ("1,234,567", "0.1235", "1,234"):
        assert cell in out
    assert "None" not in out


def test_what_people_write_is_printed_as_they_wrote_it(capsys: pytest.CaptureFixture[str]) -> None:
    say("a :smile: is no [bold]picture[/bold]")
    print_error("nor :smile: here")
    out, err = capsys.readouterr()
    assert out == "a :smile: is no [bold]picture[/bold]\n"
    assert err == "nor :smile: here\n"
