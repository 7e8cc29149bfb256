"""The log of a project: who may remove what, and what is asked of it with its labels."""

from datetime import timedelta

import msgspec
import pytest

from holdtrue.data import LogQuery, record_labels
from holdtrue.domain import LabelFact, LogPolicy, Prediction, Role
from holdtrue.errors import SourceMissing, StoreFailed
from holdtrue.project import Live, ask_log, keep_log, name_log_folder
from holdtrue.project.log import find_upkeep
from holdtrue.store import SegmentWriter
from holdtrue.testing.world import START
from project.small import LOOP, opened, write_project

POLICY = LogPolicy(keep=timedelta(days=2))


@pytest.fixture
def folder(tmp_path):
    return write_project(tmp_path).parent


def log_days(project, days):
    writer = SegmentWriter.open(name_log_folder(project), "w0-1-a")
    for day in days:
        at = START.timestamp() + day * 86_400
        row = Prediction(
            prediction_id=f"p{day}",
            loop=LOOP,
            key=f"k{day}",
            unit="u",
            time=at,
            features={"heat": float(day)},
            answer=(0.5, 0.5),
            decision=None,
            version=1,
            role=Role.CHAMPION,
            fallback=None,
            probability=1.0,
            traffic_revision=1,
            schema_version="s",
            latency_ms=1.0,
            received_at=at,
        )
        writer.append([msgspec.json.encode(row)])
    writer.close()


def read_ids(project, **asked):
    return ask_log(project, LogQuery(**asked))["prediction_id"].to_list()


def test_rows_go_when_they_are_past_their_time_and_their_labels(folder):
    with opened(folder, days=10) as project:
        log_days(project, range(10))
        compacted, removed = keep_log(project, POLICY)
        assert (compacted.n_rows, removed.n_expired) == (10, 8)
        assert read_ids(project) == ["p8", "p9"]


def test_the_process_of_a_live_loop_is_told_the_same(folder):
    with opened(folder, days=10) as project:
        upkeep = find_upkeep(project, POLICY)
        assert upkeep is not None
        assert (upkeep.loop, upkeep.policy, upkeep.now) == (LOOP, POLICY, START + timedelta(days=10))
        assert upkeep.label_delay == project.loop.table.label_delay
        assert msgspec.json.decode(msgspec.json.encode(upkeep), type=type(upkeep)) == upkeep


def test_nothing_is_removed_where_the_label_delay_cannot_be_found(folder):
    loop_file = folder / "loop.py"
    text = loop_file.read_text()
    loop_file.write_text(text.replace('label_delay="12h"', 'label_time="at"'))
    assert loop_file.read_text() != text
    with opened(folder, days=10) as project:
        log_days(project, range(3))
        for path in folder.glob("*.parquet"):
            path.unlink()
        assert find_upkeep(project, POLICY) is None
        with pytest.raises(SourceMissing):
            keep_log(project, POLICY)
        assert read_ids(project) == ["p0", "p1", "p2"]


def test_a_label_that_names_a_prediction_stands_beside_its_row(folder):
    with opened(folder, days=10) as project:
        log_days(project, range(3))
        at = START.timestamp()
        record_labels(project.store, [LabelFact(loop=LOOP, label=True, at=at, received_at=at, prediction_id="p1")])
        keep_log(project, LogPolicy())
        assert read_ids(project, where="label = true") == ["p1"]
        record_labels(project.store, [LabelFact(loop=LOOP, label=True, at=at + 1e9, received_at=at, key="k2")])
        assert read_ids(project, where="label = true") == ["p1"]


def test_a_look_that_meets_a_full_disk_ends_nobody_and_is_told_once(folder):
    with opened(folder, days=10) as project:
        told = []
        live = Live(project=project, on_problem=told.append)
        log_days(project, range(3))

        def refuse(_):
            raise StoreFailed("the disk is full", expected="space")

        live.controller.write_windows = refuse
        for _ in range(2):
            live._windows_at = -1e9
            live.step()
        assert len(told) == 1
        assert "the disk is full" in told[0]
