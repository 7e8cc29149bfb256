import time
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from holdtrue.data import PredictionReader, Upkeep, read_log_problems
from holdtrue.domain import LogPolicy
from holdtrue.serving import LogKeeper, log_keeper
from holdtrue.store import SegmentWriter, read_manifest
from serving.test_log import predict


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(log_keeper, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(log_keeper, "PAUSE_SECONDS", 0.0)
    return tmp_path / ".holdtrue"


def write(folder, *names, closes=True):
    writer = SegmentWriter.open(folder / "log" / "flights", "w0-1-a")
    writer.append([msgspec.json.encode(predict(name)) for name in names])
    if closes:
        writer.close()
    return writer


def wait(keeper):
    deadline = time.monotonic() + 60
    while keeper.is_working and time.monotonic() < deadline:
        time.sleep(0.02)


def test_closed_segments_are_compacted_by_another_process(folder):
    write(folder, "a", "b")
    keeper = LogKeeper(folder)
    assert keeper.tend()
    wait(keeper)
    log = folder / "log" / "flights"
    assert list(log.glob("*.seg")) == []
    assert PredictionReader(log).read()["key"].to_list() == ["a", "b"]
    assert (folder / "run" / "log-keeper.log").read_text() == ""
    keeper.stop()


def test_nothing_is_started_where_nothing_is_closed(folder):
    keeper = LogKeeper(folder)
    assert not keeper.tend()
    writer = write(folder, "a", closes=False)
    assert not keeper.tend()
    writer.close()
    assert keeper.tend()
    wait(keeper)
    keeper.stop()


def test_a_damaged_segment_is_not_tried_again_and_again(folder, monkeypatch):
    monkeypatch.setattr(log_keeper, "PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(log_keeper, "MANY_BYTES", 1)
    write(folder, "a", "b")
    (path,) = (folder / "log" / "flights").glob("*.seg")
    path.write_bytes(path.read_bytes()[:10] + b"?" + path.read_bytes()[11:])
    keeper = LogKeeper(folder)
    assert keeper.tend()
    wait(keeper)
    assert "is damaged" in read_log_problems(folder)[0]
    monkeypatch.setattr(log_keeper, "PAUSE_SECONDS", 60.0)
    assert not keeper.tend()
    write(folder, "c")
    assert keeper.tend()
    wait(keeper)
    assert [each.name for each in (folder / "log" / "flights").glob("*.seg")] == [path.name]
    keeper.stop()


def test_what_may_be_removed_is_told_to_the_process(folder):
    write(folder, "a")
    upkeep = Upkeep(
        loop="flights",
        policy=LogPolicy(keep=timedelta(days=1)),
        label_delay=timedelta(hours=1),
        now=datetime.now(UTC),
    )
    keeper = LogKeeper(folder, find_upkeep=lambda: upkeep)
    keeper.tend()
    wait(keeper)
    assert read_manifest(folder / "log" / "flights").n_expired == 1
    keeper.stop()


def test_a_process_that_is_stopped_half_way_leaves_every_row(folder):
    write(folder, *(f"p{n}" for n in range(2_000)))
    keeper = LogKeeper(folder)
    keeper.tend()
    time.sleep(0.2)
    keeper.stop()
    assert not keeper.is_working
    assert PredictionReader(folder / "log" / "flights").read().height == 2_000
