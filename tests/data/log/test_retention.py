import time
from datetime import UTC, datetime, timedelta

import pytest

from data.log.logs import DAY, START, ids, predict, write
from holdtrue.data import PredictionReader, compact_log, remove_old_rows
from holdtrue.domain import LogPolicy, WhenFull, read_log_policy
from holdtrue.errors import DeclarationError
from holdtrue.store import read_manifest

HOUR = timedelta(hours=1)


def at(day):
    return datetime.fromtimestamp(START + day * DAY, UTC)


@pytest.fixture
def log(tmp_path):
    """Ten days, a part of 20 rows each."""
    for day in range(10):
        rows = [predict(day * 20 + n, time=START + day * DAY + n, received_at=START + day * DAY + n) for n in range(20)]
        write(tmp_path, rows, name=f"w{day}-1-a")
        compact_log(tmp_path)
    return tmp_path


def test_days_that_are_past_their_time_go(log):
    reader = PredictionReader(log)
    assert reader.read().height == 200
    done = remove_old_rows(log, LogPolicy(keep=timedelta(days=3)), label_delay=HOUR, now=at(10))
    assert done.n_expired == 140
    assert reader.read()["key"].to_list() == [f"k{n}" for n in range(140, 200)]
    assert read_manifest(log).n_expired == 140
    assert len(list(log.glob("*.parquet"))) == 3


def test_a_row_whose_label_may_still_come_is_kept_whatever_the_policy_says(log):
    policy = LogPolicy(keep=timedelta(days=1), budget_bytes=1, when_full=WhenFull.DROP_OLDEST)
    done = remove_old_rows(log, policy, label_delay=timedelta(days=3), now=at(10))
    assert (done.n_expired, done.n_dropped) == (80, 0)
    assert len(ids(log)) == 120


def test_a_row_that_was_received_lately_is_kept_however_old_its_moment(log):
    write(log, [predict(999, received_at=time.time())], name="late")
    compact_log(log)
    remove_old_rows(log, LogPolicy(keep=timedelta(days=1)), label_delay=HOUR, now=at(4_000))
    assert ids(log) == ["p999"]


def test_a_log_that_reaches_its_budget_loses_its_oldest_rows_and_says_so(log):
    n_bytes = sum(part.n_bytes for part in read_manifest(log).parts)
    policy = LogPolicy(budget_bytes=n_bytes, when_full=WhenFull.DROP_OLDEST)
    done = remove_old_rows(log, policy, label_delay=HOUR, now=at(10))
    assert 0 < done.n_dropped < 200
    assert done.n_bytes <= 0.9 * n_bytes
    assert ids(log)[0] == f"p{done.n_dropped}"
    assert read_manifest(log).n_dropped == done.n_dropped


def test_without_a_policy_everything_is_kept(log):
    done = remove_old_rows(log, LogPolicy(), label_delay=HOUR, now=at(9_000))
    assert (done.n_expired, done.n_dropped, len(ids(log))) == (0, 0, 200)


@pytest.mark.parametrize(
    ("told", "word"),
    [
        ({"kep": "1d"}, "'kep'"),
        ({"keep": 90}, "90"),
        ({"keep": "90"}, "'90'"),
        ({"budget": "much"}, "'much'"),
        ({"durability": "disk"}, r"\['process', 'power'\]"),
        ({"when_full": "drop_oldest"}, "budget"),
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused(told, word):
    with pytest.raises(DeclarationError, match=word):
        read_log_policy(told, where="[tool.holdtrue.log]")
