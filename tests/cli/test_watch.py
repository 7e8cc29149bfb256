"""watch, and what else can be asked of a loop that only watches."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cli.command import Command

START = datetime(2024, 1, 1, tzinfo=UTC)
LOOP = """
import holdtrue as ht

loop = ht.Loop(
    "elsewhere",
    data=ht.predictions("log.csv", key="event", time="at", prediction="p", label="failed", label_delay="12h"),
)
"""


@pytest.fixture
def watched(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    told = rng.uniform(0.05, 0.95, 1600)
    turned = np.arange(1600) >= 1000
    pl.DataFrame(
        {
            "event": [f"{i:03}" for i in range(1600)],
            "at": [(START + timedelta(hours=i)).isoformat() for i in range(1600)],
            "p": told,
            "failed": rng.random(1600) < np.where(turned, 1 - told, told),
            "heat": told,
        }
    ).write_csv(tmp_path / "log.csv")
    (tmp_path / "loop.py").write_text(LOOP)
    return tmp_path / "loop.py"


def test_watch_tells_quality_alerts_and_the_input(holdtrue: Command, watched: Path, tmp_path: Path) -> None:
    done = holdtrue("watch", watched, "--report", tmp_path / "out.html")
    for word in ("log-loss", "ALERT from 2024-02", "In order up to", "100 % have come", "Report:"):
        assert word in done.told
    assert "How true elsewhere was" in (tmp_path / "out.html").read_text()
    assert not (tmp_path / ".holdtrue").exists()


def test_watch_for_programs_is_one_object(holdtrue: Command, watched: Path) -> None:
    found = holdtrue("watch", watched, "--json", "--window", "14d", "--reference-until", "2024-01-20").object
    assert set(found) >= {"loop", "versions", "windows", "alerts", "coverage", "notes", "task"}
    assert found["versions"][0]["reference_until"].startswith("2024-01-20")
    assert len(found["windows"]) == 6
    assert len(found["alerts"]) == 1


def test_a_log_without_labels_ends_as_not_enough_data_with_a_report(
    holdtrue: Command, watched: Path, tmp_path: Path
) -> None:
    pl.read_csv(tmp_path / "log.csv").head(20).with_columns(failed=pl.lit(None)).write_csv(tmp_path / "log.csv")
    done = holdtrue("watch", watched, "--report", tmp_path / "out.html", code=4)
    assert "Not enough data to watch its risk" in done.told
    assert "its own belief, not measured" in done.told
    page = (tmp_path / "out.html").read_text()
    assert "Not enough data to watch its risk" in page
    assert "Quality over time" not in page
    assert holdtrue("watch", watched, "--json", code=4).object["beliefs"][0]["metric"] == "accuracy"


def test_check_says_what_the_log_holds(holdtrue: Command, watched: Path) -> None:
    assert "only watches" in holdtrue("check", watched).told
    found = holdtrue("check", watched, "--json").object
    assert (found["task"], found["n_rows"], found["versions"]) == ("binary", 1600, ["the model"])


@pytest.mark.parametrize("command", ["train", "tick", "status", "backtest"])
def test_what_needs_a_model_of_its_own_is_refused_and_leaves_nothing(
    holdtrue: Command, watched: Path, command: str
) -> None:
    assert "holdtrue watch" in holdtrue(command, watched, code=2).problem
    assert not (watched.parent / ".holdtrue").exists()


def test_watching_a_table_is_refused(holdtrue: Command, fresh: Path) -> None:
    assert "ht.predictions" in holdtrue("watch", fresh, code=2).problem


def test_a_moment_without_a_zone_is_refused(holdtrue: Command, watched: Path) -> None:
    problem = holdtrue("watch", watched, "--reference-until", "2024-01-20T00:00:00", code=2).problem
    assert "--reference-until" in problem


def test_a_report_into_a_folder_that_is_not_there_is_refused_before_the_work(
    holdtrue: Command, watched: Path, tmp_path: Path
) -> None:
    (watched.parent / "log.csv").unlink()
    assert "mkdir -p" in holdtrue("watch", watched, "--report", tmp_path / "no" / "out.html", code=2).problem


@pytest.mark.parametrize("options", [["--port", "9000"], ["--workers", "2"], ["--durability", "power"]])
def test_options_of_a_server_are_refused_where_nothing_is_served(
    holdtrue: Command, watched: Path, options: list[str]
) -> None:
    problem = holdtrue("up", watched, *options, code=2).problem
    assert f"{options[0]} given for a loop that is served elsewhere" in problem
