"""The compactor is killed: at each step that reaches the disk, and for real, while rows come."""

import contextlib
import os
import random
import resource
import shutil
import signal
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from data.log.logs import DAY, START, ids, predict, read, write
from holdtrue.data import PredictionReader, compact_log, erase_key
from holdtrue.data.log.child import name_command
from holdtrue.errors import StoreFailed
from holdtrue.store import SegmentWriter, Store, read_manifest

LATER = datetime(2030, 1, 1, tzinfo=UTC)
STEPS = ("fsync", "replace", "unlink", "pwrite")


class Killed(BaseException):
    """Where a kill would have struck."""


class Strike:
    """Strikes before the n-th step that reaches the disk, by a kill or by what the disk answers."""

    def __init__(self, patch, n_steps, blow):
        self.left, self.blow = n_steps, blow
        for name in STEPS:
            patch.setattr(os, name, self.wrap(getattr(os, name)))

    def wrap(self, step):
        def struck(*arguments, **options):
            self.left -= 1
            if self.left == 0:
                raise self.blow
            return step(*arguments, **options)

        return struck


def fill(folder):
    """Write two segments over three days, a part that is there already, and a row that came twice."""
    write(folder, [predict(n, received_at=START + n * DAY / 6) for n in range(4)], name="w0-1-a")
    compact_log(folder)
    write(folder, [predict(n, received_at=START + n * DAY / 6) for n in range(3, 9)], name="w1-1-b")
    write(folder, [predict(n, received_at=START + n * DAY / 6) for n in range(9, 12)], name="w2-1-c")


@pytest.mark.parametrize("blow", [Killed(), OSError(5, "Input/output error")], ids=["kill", "EIO"])
def test_a_compaction_that_is_struck_at_any_step_loses_and_doubles_no_row(tmp_path, blow):
    fill(tmp_path / "filled")
    before = PredictionReader(tmp_path / "filled").read()
    for step in range(1, 200):
        folder = tmp_path / str(step)
        shutil.copytree(tmp_path / "filled", folder)
        reader = PredictionReader(folder)
        with pytest.MonkeyPatch.context() as patch:
            strike = Strike(patch, step, blow)
            try:
                compact_log(folder, today=LATER)
                is_struck = False
            except (Killed, StoreFailed):
                is_struck = True
        assert ids(folder) == reader.read()["prediction_id"].to_list() == before["prediction_id"].to_list()
        compact_log(folder, today=LATER)
        assert reader.read().equals(read(folder))
        assert [part.n_rows for part in read_manifest(folder).parts] == [6, 6]
        left = {path.name for path in folder.iterdir()} - read_manifest(folder).files
        assert left == {"manifest.json", "manifest.lock"}
        if not is_struck and strike.left > 0:
            break
    assert step > 20


def test_a_disk_that_is_full_leaves_every_row_where_it_stood(tmp_path):
    chance = random.Random(1)
    write(tmp_path, [predict(n, features={"x": chance.random(), "y": chance.random()}) for n in range(500)])
    before = read(tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    for n_bytes in (100, 4_000, 12_000):
        resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, limits[1]))
        try:
            with pytest.raises(StoreFailed):
                compact_log(tmp_path)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert read(tmp_path).equals(before)
        assert list(tmp_path.glob("*.par*")) == []
    assert compact_log(tmp_path).n_rows == 500
    assert read(tmp_path).equals(before)


def test_an_erasure_that_is_struck_at_any_step_is_finished_by_the_next(tmp_path):
    for step in range(1, 100):
        with Store.open(tmp_path / str(step)) as store, pytest.MonkeyPatch.context() as patch:
            folder = store.folder / "log" / "parcels"
            write(folder, [predict(n, key="mine" if n % 2 else f"k{n}") for n in range(4)], name="w0-1-a")
            compact_log(folder)
            write(folder, [predict(n, key="mine" if n % 2 else f"k{n}") for n in range(4, 8)], name="w1-1-b")
            strike = Strike(patch, step, Killed())
            with contextlib.suppress(Killed):
                erase_key(store, "parcels", "mine")
            struck = strike.left <= 0
            patch.undo()
            assert {"p0", "p2", "p4", "p6"} <= set(ids(folder))
            erase_key(store, "parcels", "mine")
            compact_log(folder)
            assert ids(folder) == ["p0", "p2", "p4", "p6"]
        if not struck:
            break
    assert step > 5


def test_a_compactor_that_is_killed_again_and_again_while_rows_come_loses_and_doubles_none(tmp_path):
    chance, log = random.Random(4), tmp_path / "log" / "parcels"
    writer, n_rows, n_killed = SegmentWriter.open(log, "w0-1-a"), 0, 0
    writer.rotate_bytes = 40_000
    reader = PredictionReader(log)
    for _ in range(8):
        child = subprocess.Popen(name_command(tmp_path), env=os.environ | {"PYTHONPATH": _sources()})
        end = time.monotonic() + chance.uniform(0.15, 0.6)
        while time.monotonic() < end:
            writer.append([msgspec.json.encode(predict(n, received_at=START + n)) for n in range(n_rows, n_rows + 7)])
            n_rows += 7
            time.sleep(0.001)
        n_killed += child.poll() is None
        child.send_signal(signal.SIGKILL)
        child.wait()
        assert reader.read()["prediction_id"].to_list() == [f"p{n}" for n in range(n_rows)]
    writer.close()
    compact_log(log, today=LATER)
    assert n_killed > 2
    assert ids(log) == reader.read()["prediction_id"].to_list() == [f"p{n}" for n in range(n_rows)]
    assert sum(part.n_rows for part in read_manifest(log).parts) == n_rows


def _sources():
    import holdtrue

    return str(Path(holdtrue.__file__).parents[1])


def test_the_child_tells_what_it_cannot_do(tmp_path):
    log = tmp_path / "log" / "parcels"
    write(log, [predict(1), predict(2)])
    (path,) = log.glob("*.seg")
    path.write_bytes(path.read_bytes()[:10] + b"?" + path.read_bytes()[11:])
    done = subprocess.run(
        name_command(tmp_path), env=os.environ | {"PYTHONPATH": _sources()}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "is damaged" in done.stderr
