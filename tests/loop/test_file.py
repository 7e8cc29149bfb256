from pathlib import Path

import pytest

from holdtrue.errors import DeclarationError, SourceMissing, TrainingFailed
from holdtrue.loop import load_loop


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing, match=r"loop\.py"):
        load_loop(tmp_path / "loop.py")


def test_an_import_error_comes_back_with_the_users_own_traceback(tmp_path: Path) -> None:
    file = tmp_path / "loop.py"
    file.write_text("import nothing_of_that_name\n")
    with pytest.raises(TrainingFailed) as caught:
        load_loop(file)
    assert "nothing_of_that_name" in caught.value.traceback_text
    assert "importlib" not in caught.value.traceback_text


def test_a_wrong_declaration_is_told_with_its_line_and_one_remedy(tmp_path: Path) -> None:
    file = tmp_path / "loop.py"
    file.write_text(
        "import holdtrue as ht\ndef fit(dta): ...\n"
        "data = ht.table('r.parquet', key='k', time='t', label='y', label_delay='1h')\n"
        "loop = ht.Loop('m', data=data, pipeline=[fit])\n"
    )
    with pytest.raises(TrainingFailed, match=r"needs dta.*write data") as caught:
        load_loop(file)
    assert str(caught.value).count("Do this:") == 1
    assert f'File "{file}", line 4' in caught.value.traceback_text


def test_the_traceback_of_a_wrong_declaration_ends_where_the_user_wrote_it(tmp_path: Path) -> None:
    file = tmp_path / "loop.py"
    file.write_text("import holdtrue as ht\nht.step(version=float('nan'))\nht.on_risk(tolerance=-1)\n")
    with pytest.raises(TrainingFailed) as caught:
        load_loop(file)
    frames = [line for line in caught.value.traceback_text.splitlines() if line.startswith("  File")]
    assert [frame.partition(",")[0].strip() for frame in frames] == [f'File "{file}"']


def test_what_a_file_prints_is_no_part_of_an_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "loop.py"
    file.write_text("print('for people')\n")
    with pytest.raises(DeclarationError):
        load_loop(file)
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "for people\n")


def test_a_file_without_a_loop_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "loop.py"
    file.write_text("x = 1\n")
    with pytest.raises(DeclarationError, match="declares 0 loops"):
        load_loop(file)


def test_the_traceback_is_the_users_alone_also_through_a_module_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "own_features.py").write_text("def read():\n    import nothing_of_that_name\n\nread()\n")
    file = tmp_path / "loop.py"
    file.write_text("import own_features\n")
    with pytest.raises(TrainingFailed) as caught:
        load_loop(file)
    text = caught.value.traceback_text
    assert [line.strip() for line in text.splitlines() if line.startswith("  File")] == [
        f'File "{file}", line 1, in <module>',
        f'File "{tmp_path / "own_features.py"}", line 4, in <module>',
        f'File "{tmp_path / "own_features.py"}", line 2, in read',
    ]


def test_a_file_that_is_no_python_is_shown_with_its_line_and_without_our_frames(tmp_path: Path) -> None:
    file = tmp_path / "loop.py"
    file.write_text("x = 1\ndef train(:\n")
    with pytest.raises(TrainingFailed, match="SyntaxError") as caught:
        load_loop(file)
    text = caught.value.traceback_text
    assert f'File "{file}", line 2' in text
    assert "holdtrue/loop" not in text


def test_a_file_that_ends_the_process_is_a_mistake_and_no_end(tmp_path: Path) -> None:
    file = tmp_path / "loop.py"
    file.write_text("import sys\nsys.exit(7)\n")
    with pytest.raises(TrainingFailed, match="SystemExit"):
        load_loop(file)
