"""A table that cannot be read is tried again, one that breaks its schema is not, while its files are the same."""

import errno
import os
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from holdtrue.clock import VirtualClock
from holdtrue.data import History
from holdtrue.errors import SourceError
from holdtrue.project import open_project
from holdtrue.testing import drifting_rows, write_drifting_project
from holdtrue.testing.world import START

NOW = START + timedelta(days=60)


def test_a_table_that_a_disk_refused_once_is_read_at_the_next_look_though_its_files_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = drifting_rows(n_days=60, rows_a_day=40, turns_on_day=60)
    loop_file = write_drifting_project(tmp_path, rows=rows.head(2000))
    tried: list[Path] = []

    def refuse(*_: object, folder: Path, **__: object) -> History:
        tried.append(folder)
        try:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        except OSError as error:
            raise SourceError("the file rows.parquet cannot be read") from error

    with open_project(loop_file, clock=VirtualClock(NOW)) as project:
        controller = project.make_controller()
        assert controller.history(NOW).n_rows == 2000
        rows.write_parquet(tmp_path / "rows.parquet")
        with monkeypatch.context() as patch:
            patch.setattr("holdtrue.loop.table_reader.read_history", refuse)
            for _ in range(3):
                assert controller.history(NOW).n_rows == 2000
            assert "cannot be read" in controller.table_problem
            assert len(tried) == 1  # within one look
        later = NOW + timedelta(seconds=5)
        assert controller.history(later).n_rows == 2400
        assert controller.table_problem == ""


def test_a_table_that_may_not_be_read_for_a_while_trains_once_it_may(tmp_path: Path) -> None:
    rows = drifting_rows(n_days=60, rows_a_day=40, turns_on_day=60)
    loop_file = write_drifting_project(tmp_path, rows=rows.head(2000))
    table, aside = tmp_path / "rows.parquet", tmp_path / "aside"
    with open_project(loop_file, clock=VirtualClock(NOW)) as project:
        controller = project.make_controller()
        assert controller.history(NOW).n_rows == 2000
        # The same name, size and time of change, once with bytes that cannot be read and once with those that can.
        rows.write_parquet(aside)
        table.write_bytes(bytes(aside.stat().st_size))
        stamp = table.stat().st_mtime_ns
        controller.history(NOW)
        assert controller.table_problem
        table.write_bytes(aside.read_bytes())
        os.utime(table, ns=(stamp, stamp))
        assert controller.history(NOW + timedelta(seconds=5)).n_rows == 2400
        assert controller.table_problem == ""


def test_a_table_that_breaks_its_schema_is_not_read_again_until_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = drifting_rows(n_days=60, rows_a_day=40, turns_on_day=60)
    loop_file = write_drifting_project(tmp_path, rows=rows.head(400))
    declared = 'schema=ht.schema(columns=[ht.column("heat", "number", high=900)]),'
    loop_file.write_text(loop_file.read_text().replace("    train=train,\n", f"    train=train,\n    {declared}\n"))
    with open_project(loop_file, clock=VirtualClock(NOW)) as project:
        controller = project.make_controller()
        assert controller.history(NOW).n_rows == 400
        rows.with_columns(heat=pl.lit(999.0)).write_parquet(tmp_path / "rows.parquet")
        controller.history(NOW)
        found = controller.table_problem
        assert "'heat' above 900" in found
        monkeypatch.delattr("holdtrue.loop.table_reader.read_history")
        controller.history(NOW + timedelta(seconds=5))
        assert controller.table_problem == found
