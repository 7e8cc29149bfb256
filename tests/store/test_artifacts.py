import hashlib
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from holdtrue.errors import NotFound, StoreFailed
from holdtrue.store import Artifacts


def test_bytes_come_back_by_their_hash(tmp_path: Path) -> None:
    artifacts = Artifacts(tmp_path)
    digest = artifacts.put(b"model")
    assert digest == hashlib.sha256(b"model").hexdigest() == artifacts.put(b"model")
    assert artifacts.get(digest) == artifacts.path(digest).read_bytes() == b"model"
    assert artifacts.has(digest)
    assert artifacts.get(artifacts.put(b"")) == b""
    assert [path for path in tmp_path.rglob("*") if path.is_file()].__len__() == 2


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    artifacts = Artifacts(tmp_path)
    assert not artifacts.has("0" * 64)
    with pytest.raises(NotFound):
        artifacts.get("0" * 64)


@pytest.mark.parametrize("name", ["../../etc/passwd", "A" * 64, "0" * 63, "0" * 64 + "\n", ""])
def test_a_name_that_is_no_digest_never_becomes_a_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(NotFound, match="64 hex digits"):
        Artifacts(tmp_path).get(name)


def test_changed_bytes_are_never_given_out_and_a_put_mends_them(tmp_path: Path) -> None:
    artifacts = Artifacts(tmp_path)
    digest = artifacts.put(b"model")
    artifacts.path(digest).write_bytes(b"")  # what a power cut leaves when files are not synced
    with pytest.raises(StoreFailed, match="not those that were put there"):
        artifacts.get(digest)
    assert artifacts.put(b"model") == digest
    assert artifacts.get(digest) == b"model"


def test_file_and_folder_are_synced_before_the_digest_is_returned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifacts = Artifacts(tmp_path)
    synced: list[str] = []
    true_sync = os.fsync

    def note(handle: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{handle}").readlink()))
        true_sync(handle)

    monkeypatch.setattr(os, "fsync", note)
    digest = artifacts.put(b"model")
    assert synced[0].startswith(str(tmp_path / "incoming"))
    assert synced[1:] == [str(tmp_path / digest[:2]), str(tmp_path)]


def test_a_disk_that_refuses_to_sync_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    artifacts = Artifacts(tmp_path)

    def refuse(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StoreFailed, match="Input/output error"):
        artifacts.put(b"model")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_what_killed_writers_left_is_swept_after_a_day(tmp_path: Path) -> None:
    Artifacts(tmp_path)
    old, new = tmp_path / "incoming" / "old", tmp_path / "incoming" / "new"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 90_000,) * 2)
    Artifacts(tmp_path)
    assert not old.exists()
    assert new.exists()


def test_a_killed_writer_leaves_only_whole_artifacts(
    tmp_path: Path, start_child: Callable[..., "subprocess.Popen[str]"]
) -> None:
    child = start_child("keep", tmp_path)
    assert child.stdout is not None
    child.stdout.readline()
    time.sleep(0.1)
    child.kill()
    said = child.communicate()[0].split()
    artifacts = Artifacts(tmp_path)
    kept = [path.parent.name + path.name for path in tmp_path.glob("??/*")]
    assert set(said[:-1]) <= set(kept)
    for digest in kept:
        artifacts.get(digest)
