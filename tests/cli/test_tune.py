"""tune, backfill and what runs tells of them."""

from datetime import timedelta
from pathlib import Path

import pytest

from cli.command import BEGIN, Command

PARAMETERS = """    train=train,
    parameters={"strength": 0.001},
    tune=ht.tune({"strength": ht.log_between(0.0001, 10)}, n_trials=9),"""


@pytest.fixture
def tunable(fresh: Path) -> Path:
    text = fresh.read_text().replace("train(data: ht.Dataset)", "train(data: ht.Dataset, strength: float)")
    text = text.replace("LogisticRegression().fit", "LogisticRegression(C=strength).fit")
    fresh.write_text(text.replace("    train=train,", PARAMETERS))
    return fresh


def test_tune_tells_its_trials_and_runs_show_tells_them_again(holdtrue: Command, tunable: Path, tmp_path: Path) -> None:
    told = holdtrue("tune", tunable, "--trials", "3", "--parallel", "2", "--json").object
    assert told["loop"] == "machines"
    tuning = told["tuning"]
    assert [trial["number"] for trial in tuning["trials"]] == [0, 1, 2]
    assert tuning["declared"] == {"strength": 0.001}
    assert tuning["proof"]["n_rows"] > 100
    run, page = tuning["run_id"][:12], tmp_path / "tuning.html"
    shown = holdtrue("runs", "show", run, "--loop", tunable, "--report", page)
    assert "Trials, the best first" in shown.told
    assert "3 trials (3 completed) chose strength" in shown.told
    assert page.read_text().count("<svg") >= 2
    assert holdtrue("runs", "show", run, "--loop", tunable, "--json").object["tuning"] == tuning
    assert "3 trials" in holdtrue("runs", "--loop", tunable).told
    assert holdtrue("train", tunable, "--json").object["ruling"] == "passed"
    listed = holdtrue("runs", "--loop", tunable, "--json").object["runs"]
    assert listed[0]["provenance"]["parameters"] == tuning["parameters"]
    assert f"were tuned by the run {run}" in holdtrue("runs", "show", listed[0]["run_id"], "--loop", tunable).told
    assert "selection did not use" in holdtrue("card", tunable, "1").told


def test_no_ranges_and_a_report_without_trials_are_refused(holdtrue: Command, fresh: Path, tmp_path: Path) -> None:
    assert "declares no tune=" in holdtrue("tune", fresh, code=2).problem
    holdtrue("train", fresh)
    run = holdtrue("runs", "--loop", fresh, "--json").object["runs"][0]["run_id"]
    page = tmp_path / "page.html"
    assert "no trials to draw" in holdtrue("runs", "show", run, "--loop", fresh, "--report", page, code=2).problem
    assert not page.exists()


def test_backfill_tells_each_window_and_keeps_what_was_done(holdtrue: Command, fresh: Path) -> None:
    days = [f"{BEGIN + timedelta(days=n):%Y-%m-%d}" for n in (30, 45)]
    order = ("backfill", fresh, "--from", days[0], "--until", days[1], "--every", "7 days", "--parallel", "2")
    told = holdtrue(*order, "--json").object
    assert (told["loop"], told["n_new"], told["n_failed"], len(told["windows"])) == ("machines", 3, 0, 3)
    assert all(window["loss"] < window["baseline_loss"] for window in told["windows"])
    again = holdtrue(*order).told
    assert "0 windows were run and 3 were there already" in again
    assert "No version was registered" in again
    first, last = (told["windows"][place]["run_id"] for place in (0, 2))
    assert "as of" in holdtrue("runs", "diff", first, last, "--loop", fresh).told
    listed = holdtrue("runs", "--loop", fresh, "--json").object["runs"]
    assert [run["reason"] for run in listed] == ["backfill"] * 3


def test_a_window_that_fails_ends_a_backfill_with_3_and_says_why(holdtrue: Command, fresh: Path) -> None:
    day = f"{BEGIN:%Y-%m-%d}"
    assert "no label is known" in holdtrue("backfill", fresh, "--from", day, "--until", day, code=3).told
    before = holdtrue("backfill", fresh, "--from", "2020-01-01", "--until", "2020-01-01", code=2)
    assert "no row is known" in before.problem
    assert "Expected: such as" in holdtrue("backfill", fresh, "--from", "soon", "--until", day, code=2).problem
