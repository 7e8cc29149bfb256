"""A live loop whose table is away from the beginning: it serves what it has, says so once, and goes on."""

from holdtrue.clock import VirtualClock
from holdtrue.loop import RefuseRun, StartRun
from holdtrue.project import Live, open_project
from project.small import AGAIN_AT, TRAINED_AT, make_controller


def test_a_loop_whose_table_is_away_from_the_beginning_goes_on_by_its_newest_snapshot(trained):
    (trained / "rows.parquet").rename(trained / "away.parquet")
    with open_project(trained / "loop.py", clock=VirtualClock(AGAIN_AT)) as project:
        controller = make_controller(project)
        (move,) = controller.tick()
        assert isinstance(move, RefuseRun)
        assert "rows.parquet is not there" in controller.table_problem
        (trained / "away.parquet").rename(trained / "rows.parquet")
        assert any(isinstance(move, StartRun) for move in controller.tick())
        assert controller.table_problem == ""


def test_a_table_that_is_away_is_told_once_and_told_again_when_it_is_away_again(trained):
    told = []
    with open_project(trained / "loop.py", clock=VirtualClock(TRAINED_AT)) as project:
        live = Live(project=project, on_problem=told.append)
        for _ in range(2):
            (trained / "rows.parquet").rename(trained / "away.parquet")
            for _ in range(3):
                live._windows_at = -1e9
                live.step()
            (trained / "away.parquet").rename(trained / "rows.parquet")
            live.step()
    assert len(told) == 2
    assert "rows.parquet is not there" in told[0]


def test_a_live_loop_without_a_version_waits_for_its_table_and_then_trains(fresh):
    told = []
    (fresh / "rows.parquet").rename(fresh / "away.parquet")
    with open_project(fresh / "loop.py", clock=VirtualClock(TRAINED_AT)) as project:
        live = Live(project=project, on_problem=told.append)
        live._controller = make_controller(project)
        live._train_first()
        assert live.is_waiting
        live.step()
        assert len(told) == 1
        (fresh / "away.parquet").rename(fresh / "rows.parquet")
        live.step()
        live.step()
        assert live.has_champion
