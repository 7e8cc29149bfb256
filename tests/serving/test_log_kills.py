"""Workers and the compactor are killed under load: each answered row stands in the log, once."""

import os
import random
import signal
import time
from collections import Counter

import pytest

from holdtrue.data import read_log_rows
from holdtrue.serving import LogKeeper, log_keeper, start_workers
from holdtrue.store import read_manifest
from serving.load import Load

N_ROUNDS = int(os.environ.get("HOLDTRUE_LOG_KILLS", "4"))


@pytest.fixture
def workers(flights, boosters):
    flights.release(boosters[0])
    flights.send(1)
    workers = start_workers(flights.folder, port=0, n_workers=2)
    assert workers.wait_until_ready(60)
    yield workers
    workers.stop()


def test_no_answered_row_is_lost_or_doubled(flights, workers, monkeypatch):
    monkeypatch.setattr(log_keeper, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(log_keeper, "PAUSE_SECONDS", 0.0)
    chance, log = random.Random(7), flights.folder / "log" / "flights"
    keeper, n_killed = LogKeeper(flights.folder), 0
    with Load(workers.address.port) as load:
        for _ in range(N_ROUNDS):
            load.wait_for(30)
            os.kill(chance.choice(workers.pids), signal.SIGKILL)
            deadline = time.monotonic() + chance.uniform(0.3, 1.2)
            while time.monotonic() < deadline:
                workers.tend()
                keeper.tend()
                time.sleep(0.02)
            if keeper.is_working:
                os.kill(keeper._child.pid, signal.SIGKILL)
                n_killed += 1
            assert workers.wait_until_ready(60)
    workers.stop()
    while keeper.tend() or keeper.is_working:
        time.sleep(0.05)
    keeper.stop()
    times = Counter(read_log_rows(log)["prediction_id"])
    assert set(load.statuses) == {200}
    assert n_killed or N_ROUNDS < 20
    assert [name for name in load.answered if times[name] != 1] == []
    assert max(times.values()) == 1
    assert list(log.glob("*.seg")) == []
    assert sum(part.n_rows for part in read_manifest(log).parts) == sum(times.values())
