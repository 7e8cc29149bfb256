import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from holdtrue.pipeline import read_checkout
from holdtrue.pipeline.checkout import PATCH_BYTES


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "loop.py").write_text("DEPTH = 3\n")
    (tmp_path / ".env").write_text("KEY=old\n")
    for words in (["init", "-q"], ["add", "."], ["-c", "user.name=n", "-c", "user.email=e", "commit", "-qm", "c"]):
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True)
    return tmp_path


@pytest.fixture
def put(tmp_path: Path) -> Callable[[bytes], str]:
    return lambda data: data.decode()


def test_a_folder_without_git_has_no_checkout(tmp_path: Path) -> None:
    assert read_checkout(tmp_path) is None


def test_a_clean_folder_has_no_patch(repository: Path, put: Callable[[bytes], str]) -> None:
    found = read_checkout(repository, put=put)
    assert found is not None
    assert (found.is_dirty, found.patch, found.withheld, found.untracked) == (False, None, (), ())


def test_the_differences_are_kept_and_new_source_files_named(repository: Path, put: Callable[[bytes], str]) -> None:
    (repository / "loop.py").write_text("DEPTH = 4\n")
    (repository / "own.py").write_text("x = 1\n")
    (repository / "rows.parquet").write_bytes(b"PAR1")
    found = read_checkout(repository, put=put)
    assert found is not None
    assert "-DEPTH = 3\n+DEPTH = 4\n" in (found.patch or "")
    assert found.untracked == ("own.py",)


def test_what_stands_in_a_file_of_secrets_is_never_kept(repository: Path, put: Callable[[bytes], str]) -> None:
    (repository / "loop.py").write_text("DEPTH = 4\n")
    (repository / ".env").write_text("KEY=hidden\n")
    found = read_checkout(repository, put=put)
    assert found is not None
    assert "DEPTH = 4" in (found.patch or "")
    assert "KEY" not in (found.patch or "")
    assert found.withheld == (".env",)


@pytest.mark.parametrize("name", ["secrets/prod.yaml", ".env.d/db", "conf/my-Credentials/a/b.toml", "a/.env.d/x/y"])
def test_what_stands_in_a_folder_of_secrets_is_never_kept(
    repository: Path, put: Callable[[bytes], str], name: str
) -> None:
    path = repository / name
    path.parent.mkdir(parents=True)
    path.write_text("KEY=old\n")
    (repository / "loop.py").write_text("DEPTH = 4\n")
    subprocess.run(["git", "-C", str(repository), "add", "."], check=True)
    path.write_text("KEY=hidden\n")
    found = read_checkout(repository, put=put)
    assert found is not None
    assert "DEPTH = 4" in (found.patch or "")
    assert "KEY" not in (found.patch or "")
    assert found.withheld == (name,)


def test_a_project_in_a_folder_of_its_repository_withholds_its_own_secrets(
    repository: Path, put: Callable[[bytes], str]
) -> None:
    project = repository / "work"
    (project / "secrets").mkdir(parents=True)
    (project / "secrets" / "prod.yaml").write_text("KEY=hidden\n")
    (project / "loop.py").write_text("DEPTH = 5\n")
    subprocess.run(["git", "-C", str(repository), "add", "."], check=True)
    found = read_checkout(project, put=put)
    assert found is not None
    assert "DEPTH = 5" in (found.patch or "")
    assert "KEY" not in (found.patch or "")
    assert found.withheld == ("secrets/prod.yaml",)


def test_differences_beyond_the_bound_are_cut(repository: Path, put: Callable[[bytes], str]) -> None:
    (repository / "loop.py").write_text("x = 1\n" * PATCH_BYTES)
    found = read_checkout(repository, put=put)
    assert found is not None
    assert (found.patch or "").endswith("left out)\n")
    assert len(found.patch or "") < PATCH_BYTES + 100
