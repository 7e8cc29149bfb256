import asyncio
import resource

import msgspec
import pytest

from holdtrue.domain import Durability, LabelFact, LogPolicy, Prediction, Role
from holdtrue.errors import StoreFailed
from holdtrue.serving import write_policy_file
from holdtrue.serving.log import LabelLog, PredictionLog
from holdtrue.serving.log_terms import LogTerms
from holdtrue.store.segments import read_segments


def predict(name, loop="flights"):
    return Prediction(
        prediction_id=name,
        loop=loop,
        key=name,
        unit=name,
        time=1.0,
        features={"a": None},
        answer=(0.25, 0.75),
        decision=None,
        version=1,
        role=Role.CHAMPION,
        fallback=None,
        probability=1.0,
        traffic_revision=1,
        schema_version="s",
        latency_ms=1.0,
        received_at=2.0,
    )


def read_ids(folder):
    frames = read_segments(folder)
    return [msgspec.json.decode(frame.payload, type=Prediction).prediction_id for frame in frames]


def test_predictions_are_in_the_file_when_the_write_returns(tmp_path):
    async def scenario():
        log = PredictionLog(tmp_path, "w0")
        await asyncio.gather(*(log.write([predict(f"p{i}"), predict(f"q{i}")]) for i in range(3)))
        return read_ids(tmp_path / "flights")

    assert sorted(asyncio.run(scenario())) == ["p0", "p1", "p2", "q0", "q1", "q2"]


def test_each_loop_has_its_own_folder(tmp_path):
    async def scenario():
        log = PredictionLog(tmp_path, "w0")
        await asyncio.gather(log.write([predict("a")]), log.write([predict("b", "bikes")]))
        log.close()

    asyncio.run(scenario())
    assert (read_ids(tmp_path / "flights"), read_ids(tmp_path / "bikes")) == (["a"], ["b"])


def test_a_disk_that_refuses_is_told_to_every_writer_and_nothing_is_half_written(tmp_path):
    async def scenario():
        log = PredictionLog(tmp_path, "w0")
        await log.write([predict("a")])
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (600, limits[1]))
        try:
            failures = await asyncio.gather(*(log.write([predict(f"b{i}")]) for i in range(9)), return_exceptions=True)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert all(isinstance(failure, StoreFailed) for failure in failures)
        await log.write([predict("c")])

    asyncio.run(scenario())
    assert read_ids(tmp_path / "flights") == ["a", "c"]


def test_a_sync_that_finds_no_descriptor_refuses_its_rows_and_the_next_ones_are_written(tmp_path, monkeypatch):
    def refuse(_):
        raise OSError(24, "Too many open files")

    async def scenario():
        write_policy_file(tmp_path, LogPolicy(durability=Durability.POWER))
        log = PredictionLog(tmp_path / "log", "w0", terms=LogTerms(tmp_path))
        await log.write([predict("a")])
        with monkeypatch.context() as patched:
            patched.setattr("os.dup", refuse)
            with pytest.raises(StoreFailed):
                await asyncio.wait_for(log.write([predict("b")]), 5)
        await asyncio.wait_for(log.write([predict("c")]), 5)
        log.close()
        return read_ids(tmp_path / "log" / "flights")

    assert asyncio.run(scenario()) == ["a", "c"]


def test_a_file_that_is_old_is_left_though_no_row_comes_any_more(tmp_path):
    async def scenario():
        log = PredictionLog(tmp_path, "w0")
        await log.write([predict("a")])
        (writer,) = log._writers.values()
        log.leave_ripe()
        was_open = writer.segment is not None
        writer.rotate_seconds = 0.0
        log.leave_ripe()
        return was_open, writer.segment

    assert asyncio.run(scenario()) == (True, None)


def test_labels_are_in_the_file_when_the_write_returns(tmp_path):
    async def scenario():
        log = LabelLog(tmp_path, "w0")
        facts = [LabelFact(loop="flights", label=True, at=1.0, received_at=2.0, key=f"k{i}") for i in range(4)]
        await asyncio.gather(*(log.write([fact]) for fact in facts))
        log.close()

    asyncio.run(scenario())
    keys = [msgspec.json.decode(frame.payload, type=LabelFact).key for frame in read_segments(tmp_path)]
    assert sorted(map(str, keys)) == ["k0", "k1", "k2", "k3"]


def test_labels_that_cannot_be_written_are_refused(tmp_path):
    (tmp_path / "labels").write_text("a file where the folder should be")

    async def scenario():
        log = LabelLog(tmp_path / "labels", "w0")
        with pytest.raises(StoreFailed):
            await log.write([LabelFact(loop="flights", label=1, at=1.0, received_at=2.0, key="k")])
        log.close()

    asyncio.run(scenario())
