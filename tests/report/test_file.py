import subprocess
import sys
from pathlib import Path

import pytest

from holdtrue.errors import DeclarationError, StoreFailed
from holdtrue.report import check_targets, write_text


def test_a_file_is_replaced_whole_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "out.html"
    write_text(path, "first")
    write_text(path, "größer")
    assert path.read_text(encoding="utf-8") == "größer"
    assert [each.name for each in tmp_path.iterdir()] == ["out.html"]


def test_a_link_stays_a_link_and_what_it_points_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real.html").write_text("old")
    (tmp_path / "link.html").symlink_to(tmp_path / "real.html")
    write_text(tmp_path / "link.html", "new")
    assert (tmp_path / "link.html").is_symlink()
    assert (tmp_path / "real.html").read_text() == "new"


def test_targets_are_looked_at_before_the_work(tmp_path: Path) -> None:
    check_targets(None, tmp_path / "out.html")
    with pytest.raises(DeclarationError, match="mkdir -p"):
        check_targets(tmp_path / "no" / "out.html")
    with pytest.raises(DeclarationError, match="is a folder"):
        check_targets(tmp_path)


def test_what_the_disk_refuses_leaves_the_file_before(tmp_path: Path) -> None:
    """In a child that may write 100 bytes a file."""
    path = tmp_path / "out.html"
    path.write_text("before")
    code = (
        "import pathlib, resource, signal, sys\n"
        "from holdtrue.errors import StoreFailed\n"
        "from holdtrue.report import write_text\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "try:\n"
        "    write_text(pathlib.Path(sys.argv[1]), 'x' * 1000)\n"
        "except StoreFailed:\n"
        "    sys.exit(7)\n"
    )
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == 7
    assert path.read_text() == "before"
    assert [each.name for each in tmp_path.iterdir()] == ["out.html"]


def test_a_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreFailed, match="could not be written"):
        write_text(tmp_path / "gone" / "out.html", "text")
