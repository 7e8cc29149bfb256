"""A few rounds of kill -9 under load lose nothing; benchmarks/reliability holds the long form."""

from pathlib import Path

from holdtrue.testing import KillPlan, hold_kills


def test_a_few_rounds_of_kill_9_lose_nothing_and_the_loop_goes_on(tmp_path: Path) -> None:
    plan = KillPlan(seed=6, n_rounds=3, pause_seconds=(0.5, 2.5), seconds_a_day=1.2, settle_seconds=60.0)
    report = hold_kills(tmp_path, plan)
    assert report.problems == ()
    assert report.findings.losses.n_lost == 0
    assert report.n_controller_kills
    assert report.n_worker_kills
    assert report.n_accepted > 1_000
