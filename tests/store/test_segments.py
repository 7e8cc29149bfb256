import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdtrue.errors import DeclarationError, StoreFailed
from holdtrue.store import Damage, Frame, SegmentWriter, read_segments


def payloads(folder: Path, **terms: object) -> list[bytes]:
    return [frame.payload for frame in read_segments(folder, **terms)]


def write(folder: Path, *rows: bytes, name: str = "worker") -> Path:
    """Write each row with an append of its own, and return the file."""
    writer = SegmentWriter.open(folder, name)
    for row in rows:
        writer.append([row])
    segment = writer.segment
    writer.close()
    assert segment is not None
    return folder / segment


def test_what_is_appended_is_read_in_order(tmp_path: Path) -> None:
    writer = SegmentWriter.open(tmp_path / "new", "worker-0")
    writer.append([b"a", b"bb"])
    writer.append([])
    writer.append([bytes(range(256)) * 10])
    assert payloads(tmp_path / "new") == [b"a", b"bb", bytes(range(256)) * 10]
    writer.close()


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert payloads(tmp_path / "nowhere") == []


def test_reading_goes_on_where_it_stopped(tmp_path: Path) -> None:
    writer = SegmentWriter.open(tmp_path, "worker")
    writer.append([b"one", b"two"])
    frames = list(read_segments(tmp_path))
    writer.append([b"three"])
    start = {frames[0].segment: frames[0].offset_after}
    assert payloads(tmp_path, start=start) == [b"two", b"three"]
    start = {frame.segment: frame.offset_after for frame in read_segments(tmp_path)}
    assert payloads(tmp_path, start=start) == []
    writer.close()


def test_a_writer_rotates_and_begins_a_file_of_its_own(tmp_path: Path) -> None:
    writer = SegmentWriter.open(tmp_path, "worker")
    writer.rotate_bytes = 100
    for n in range(10):
        writer.append([f"row {n}".encode() * 10])
    writer.close()
    write(tmp_path, b"later")
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [f"worker-{n:010d}.seg" for n in range(1, len(names) + 1)]
    assert len(names) == 6
    assert payloads(tmp_path) == [*(f"row {n}".encode() * 10 for n in range(10)), b"later"]


def test_writers_of_one_name_never_share_a_file(tmp_path: Path) -> None:
    writers = [SegmentWriter.open(tmp_path, "worker") for _ in range(5)]
    for n, writer in enumerate(writers):
        writer.append([str(n).encode()])
    assert len({writer.segment for writer in writers}) == 5
    assert payloads(tmp_path) == [b"0", b"1", b"2", b"3", b"4"]
    for writer in writers:
        writer.close()


def test_threads_share_a_writer(tmp_path: Path) -> None:
    writer = SegmentWriter.open(tmp_path, "worker")
    writer.rotate_bytes = 5000

    def append(name: int) -> None:
        for n in range(200):
            writer.append([f"{name} {n}".encode()])

    threads = [threading.Thread(target=append, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()
    rows = [row.split() for row in payloads(tmp_path)]
    assert all([int(n) for who, n in rows if int(who) == name] == list(range(200)) for name in range(4))


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_torn_tail_ends_the_segment_after_its_whole_frames(tmp_path: Path, data: st.DataObject) -> None:
    for left in tmp_path.iterdir():
        left.unlink()
    rows = data.draw(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=5))
    path = write(tmp_path, *rows)
    whole = path.read_bytes()
    cut = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:cut])
    ends = [frame.offset_after for frame in read_segments(tmp_path)]
    assert payloads(tmp_path) == rows[: len(ends)]
    assert all(end <= cut for end in ends)
    assert len(ends) == len(rows) or (ends or [0])[-1] + 8 + len(rows[len(ends)]) > cut


def test_zeros_that_a_power_cut_left_are_a_torn_tail(tmp_path: Path) -> None:
    path = write(tmp_path, b"one")
    path.write_bytes(path.read_bytes() + bytes(4096))
    assert payloads(tmp_path) == [b"one"]


@pytest.mark.parametrize("place", range(11, 22))
def test_a_flipped_byte_in_the_middle_is_reported_and_the_rest_is_read(tmp_path: Path, place: int) -> None:
    path = write(tmp_path, b"one", b"two", b"three")
    content = bytearray(path.read_bytes())
    content[place] ^= 0x40
    path.write_bytes(content)
    with pytest.raises(StoreFailed, match="11 bytes at offset 11 are no frame"):
        payloads(tmp_path)
    damages: list[Damage] = []
    assert payloads(tmp_path, on_damage=damages.append) == [b"one", b"three"]
    assert damages == [Damage(segment=path.name, offset=11, n_bytes=11)]


def test_segments_after_a_damaged_one_are_read(tmp_path: Path) -> None:
    path = write(tmp_path, b"one", b"two", b"three", name="a")
    write(tmp_path, b"four", name="b")
    path.write_bytes(b"\xff" * 11 + path.read_bytes()[11:])
    assert payloads(tmp_path, on_damage=lambda _: None) == [b"two", b"three", b"four"]


def test_an_empty_payload_and_a_name_that_is_a_path_are_refused(tmp_path: Path) -> None:
    writer = SegmentWriter.open(tmp_path, "worker")
    with pytest.raises(DeclarationError, match="0 bytes"):
        writer.append([b"good", b""])
    assert payloads(tmp_path) == []
    for name in ("../worker", "", ".hidden", "a/b", "a\n"):
        with pytest.raises(DeclarationError):
            SegmentWriter.open(tmp_path, name)


def test_a_disk_that_refuses_half_way_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = SegmentWriter.open(tmp_path, "worker")
    writer.append([b"first"])
    true_write = os.write

    def write_a_little(handle: int, block: bytes) -> int:
        if len(block) < 20:
            raise OSError(28, "No space left on device")
        return true_write(handle, block[:10])

    monkeypatch.setattr(os, "write", write_a_little)
    for _ in range(3):
        with pytest.raises(StoreFailed, match="No space left on device"):
            writer.append([b"second" * 10])
    monkeypatch.undo()
    assert payloads(tmp_path) == [b"first"]
    writer.append([b"third"])
    writer.close()
    assert payloads(tmp_path) == [b"first", b"third"]
    assert len(list(tmp_path.iterdir())) == 2


def test_a_refused_write_of_a_real_device_is_a_named_failure(tmp_path: Path) -> None:
    writer = SegmentWriter.open(tmp_path, "worker")
    (tmp_path / "worker-0000000001.seg").symlink_to("/dev/full")
    handle = os.open("/dev/full", os.O_WRONLY)
    writer.append([b"first"])
    assert writer._handle is not None
    os.dup2(handle, writer._handle)
    os.close(handle)
    with pytest.raises(StoreFailed, match="No space left"):
        writer.append([b"second"])
    writer.append([b"third"])
    (tmp_path / "worker-0000000001.seg").unlink()
    assert payloads(tmp_path) == [b"first", b"third"]
    writer.close()


def test_power_safe_appends_are_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    true_sync = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda handle: (synced.append(handle), true_sync(handle))[1])
    writer = SegmentWriter.open(tmp_path, "worker", power_safe=True)
    writer.append([b"a"])
    writer.append([b"b"])
    writer.close()
    assert len(synced) == 2
    assert payloads(tmp_path) == [b"a", b"b"]


def test_a_killed_writer_loses_no_row_that_it_was_told_is_written(
    tmp_path: Path, start_child: Callable[..., "subprocess.Popen[str]"]
) -> None:
    chance = random.Random(2)
    for n in range(8):
        child = start_child("log", tmp_path / str(n), "worker")
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(chance.uniform(0.0, 0.05))
        child.kill()
        said = [0, 3, *(int(line) for line in child.communicate()[0].split())]
        rows = [int(row.split()[1]) for row in payloads(tmp_path / str(n))]
        assert rows == list(range(len(rows)))
        assert len(rows) >= said[-1]


def test_the_segments_load_neither_sql_nor_frames() -> None:
    script = "import sys, holdtrue.store.segments; print(sorted({m.partition('.')[0] for m in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert not {"sqlalchemy", "alembic", "obstore", "polars", "numpy", "sqlite3"} & set(loaded.split("'"))


def test_a_frame_names_its_place(tmp_path: Path) -> None:
    path = write(tmp_path, b"one")
    assert list(read_segments(tmp_path)) == [Frame(path.name, 11, b"one")]
