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


def test_a_file_without_a_loop_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "loop.py"
    file.write_text("x = 1\n")
    with pytest.raises(DeclarationError, match="declares 0 loops"):
        load_loop(file)
