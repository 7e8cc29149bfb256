"""Workers that are killed while they share runs lose and double nothing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"


@pytest.mark.story
def test_twenty_kills_lose_and_double_no_transition() -> None:
    hold_kills()


@pytest.mark.story
def test_twenty_kills_lose_and_double_no_transition_on_postgresql(postgres: str) -> None:
    hold_kills("--database", postgres)


def hold_kills(*arguments: str) -> None:
    # In a process of its own, which has no threads yet when it forks.
    done = subprocess.run(
        [sys.executable, "-m", "holdtrue.testing.run_kills", "--rounds", "20", "--seed", "0", *arguments],
        capture_output=True, text=True, timeout=120, env={"PYTHONPATH": str(SOURCE)}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert (report["n_lost"], report["n_doubled"], report["problems"]) == (0, 0, [])
    assert report["n_holders_killed"] >= 3
    assert report["n_taken_over"] >= 3
