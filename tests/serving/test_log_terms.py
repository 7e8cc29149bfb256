import asyncio
import os

import pytest

from holdtrue.domain import Durability, LogPolicy
from holdtrue.errors import StoreFailed
from holdtrue.serving.log import PredictionLog
from holdtrue.serving.log_terms import LogTerms, write_policy_file
from serving.test_log import predict, read_ids

POWER = LogPolicy(durability=Durability.POWER)


@pytest.fixture
def syncs(monkeypatch):
    """What was synced, in order; a test may make the next one fail."""
    calls, true_sync = [], os.fdatasync

    def sync(handle):
        calls.append(handle)
        if calls and getattr(sync, "fails", False):
            raise OSError(5, "Input/output error")
        return true_sync(handle)

    monkeypatch.setattr(os, "fdatasync", sync)
    calls_of = type("Syncs", (), {"calls": calls, "fail": lambda _, on: setattr(sync, "fails", on)})
    return calls_of()


def open_log(folder, policy):
    write_policy_file(folder, policy)
    return PredictionLog(folder / "log", "w0", terms=LogTerms(folder))


def test_a_power_safe_write_returns_after_a_sync_and_many_share_one(tmp_path, syncs):
    log = open_log(tmp_path, POWER)

    async def scenario():
        await log.write([predict("a")])
        assert len(syncs.calls) == 1
        await asyncio.gather(*(log.write([predict(f"b{n}")]) for n in range(50)))
        assert len(syncs.calls) == 2

    asyncio.run(scenario())
    log.close()
    assert len(read_ids(tmp_path / "log" / "flights")) == 51


def test_without_it_nothing_waits_for_the_disk(tmp_path, syncs):
    log = open_log(tmp_path, LogPolicy())
    asyncio.run(log.write([predict("a")]))
    assert log.append_now("flights", [b"{}"]) is None
    log.close()
    assert syncs.calls == []


def test_a_row_that_the_disk_did_not_take_is_refused_and_cut_off(tmp_path, syncs):
    log = open_log(tmp_path, POWER)

    async def scenario():
        await log.write([predict("a")])
        syncs.fail(True)
        failures = await asyncio.gather(*(log.write([predict(f"b{n}")]) for n in range(3)), return_exceptions=True)
        assert all(isinstance(failure, StoreFailed) for failure in failures)
        assert "Input/output error" in str(failures[0])
        syncs.fail(False)
        await log.write([predict("c")])

    asyncio.run(scenario())
    log.close()
    assert read_ids(tmp_path / "log" / "flights") == ["a", "c"]


def test_rows_that_rotation_could_not_bring_down_are_refused_too(tmp_path, syncs):
    log = open_log(tmp_path, POWER)

    async def scenario():
        await log.write([predict("a")])
        writer = log._writers["flights"]
        writer.rotate_bytes = 1
        writer._synced -= 1  # as if a sync were under way
        syncs.fail(True)
        with pytest.raises(StoreFailed):
            await log.write([predict("b")])

    asyncio.run(scenario())
    syncs.fail(False)
    log.close()


def test_appending_at_once_is_as_safe_and_tells_its_failure(tmp_path, syncs):
    log = open_log(tmp_path, POWER)
    assert log.append_now("flights", [b"1", b"2"]) is None
    assert len(syncs.calls) == 1
    syncs.fail(True)
    assert isinstance(log.append_now("flights", [b"3"]), StoreFailed)
    syncs.fail(False)
    log.close()


def test_replies_keep_the_order_of_their_rows(tmp_path):
    log, told = open_log(tmp_path, POWER), []

    async def write(n):
        await log.write([predict(f"p{n:03d}")])
        told.append(f"p{n:03d}")

    async def scenario():
        tasks = []
        for n in range(100):
            tasks.append(asyncio.create_task(write(n)))
            if n % 3 == 0:
                await asyncio.sleep(0.001)
        await asyncio.gather(*tasks)

    asyncio.run(scenario())
    log.close()
    assert told == read_ids(tmp_path / "log" / "flights") == sorted(told)


def test_a_log_that_reaches_its_budget_refuses_and_goes_on_when_there_is_room(tmp_path, monkeypatch):
    monkeypatch.setattr("holdtrue.serving.log_terms.LOOK_SECONDS", 0.0)
    log = open_log(tmp_path, LogPolicy(budget_bytes=1_000))
    assert log.append_now("flights", [b"x" * 900]) is None
    refused = log.append_now("flights", [b"y" * 200])
    assert "its budget is 1,000" in str(refused)
    assert "pyproject.toml" in str(refused)
    assert log.append_now("bikes", [b"y" * 200]) is None
    write_policy_file(tmp_path, LogPolicy(budget_bytes=2_000))
    assert log.append_now("flights", [b"y" * 200]) is None
    log.close()


def test_terms_that_change_take_hold_while_workers_run(tmp_path, monkeypatch, syncs):
    monkeypatch.setattr("holdtrue.serving.log_terms.LOOK_SECONDS", 0.0)
    log = open_log(tmp_path, LogPolicy())
    asyncio.run(log.write([predict("a")]))
    write_policy_file(tmp_path, POWER)
    asyncio.run(log.write([predict("b")]))
    assert len(syncs.calls) == 1
    (tmp_path / "log-policy.json").write_text("{")
    asyncio.run(log.write([predict("c")]))
    assert len(syncs.calls) == 2
    log.close()
    assert sorted(read_ids(tmp_path / "log" / "flights")) == ["a", "b", "c"]
    with pytest.raises(StoreFailed, match="cannot be read"):
        LogTerms(tmp_path)
