"""log: questions to the prediction log, its compaction, the erasure of a key, profiles, and terms in pyproject.toml."""

from pathlib import Path

import polars as pl
import pytest

from cli.command import Command
from holdtrue.domain import LogPolicy
from holdtrue.serving import write_policy_file
from holdtrue.store import LogManifest, commit_manifest


@pytest.fixture
def scored(holdtrue: Command, trained: Path, tmp_path: Path) -> Path:
    """The loop file of a project that answered forty rows."""
    frame = pl.DataFrame(
        {
            "event": [f"e{n}" for n in range(40)],
            "heat": [float(n - 20) for n in range(40)],
            "noise": [n % 3 / 2 for n in range(40)],
        }
    )
    frame.write_parquet(tmp_path / "in.parquet")
    holdtrue("score", trained, tmp_path / "in.parquet", tmp_path / "out.parquet")
    return trained


def test_rows_are_found_by_condition_and_their_ids_are_explained(holdtrue: Command, scored: Path) -> None:
    found = holdtrue("log", scored, "--where", "score > .5 AND heat > 5", "--json").object
    assert found["n_rows"] == 14
    assert all(row["heat"] > 5 and row["score"] > 0.5 for row in found["rows"])
    name = found["rows"][0]["prediction_id"]
    assert holdtrue("why", name, "--loop", scored, "--json").object["prediction"]["key"] == found["rows"][0]["key"]
    assert name in holdtrue("log", scored, "--limit", "0").told
    told = holdtrue("log", scored, "--since", "1h", "--limit", "3", "--columns", "key,score").told
    assert "3 rows" in told
    assert "e39" in told
    assert "e36" not in told
    assert "no such row" in holdtrue("log", scored, "--until", "2001-01-01").told


def test_labels_stand_beside_their_rows(holdtrue: Command, scored: Path, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("key,label\ne3,true\n")
    holdtrue("label", tmp_path / "labels.csv", "--loop", scored)
    (row,) = holdtrue("log", scored, "--where", "label = true", "--json").object["rows"]
    assert (row["key"], row["label"]) == ("e3", True)
    assert row["known_at"]


def test_rows_are_written_to_a_file(holdtrue: Command, scored: Path, tmp_path: Path) -> None:
    target = tmp_path / "rows.parquet"
    told = holdtrue("log", scored, "--output", target, "--where", "heat >= 0", "--json").object
    assert told == {"loop": "machines", "n_rows": 20, "path": str(target)}
    assert pl.read_parquet(target)["heat"].min() == 0
    assert ".parquet" in holdtrue("log", scored, "--output", tmp_path / "rows.txt", code=2).problem


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--where", "skore > 1"], "score"),
        (["--columns", "hat"], "'heat'"),
        (["--since", "tomorrow"], "--since"),
        (["--compact", "--profile"], "one of them"),
    ],
)
def test_a_question_that_cannot_be_meant_is_refused(
    holdtrue: Command, scored: Path, options: list[str], word: str
) -> None:
    assert word in holdtrue("log", scored, *options, code=2).problem


def test_the_log_is_compacted_asked_profiled_and_a_key_erased(holdtrue: Command, scored: Path) -> None:
    assert "No row has been compacted" in holdtrue("log", scored, "--profile").told
    assert "40 rows of 1 segment now stand in Parquet" in holdtrue("log", scored, "--compact").told
    assert holdtrue("log", scored, "--compact", "--json").object["compacted"]["n_rows"] == 0
    assert holdtrue("log", scored, "--limit", "0", "--json").object["n_rows"] == 40
    told = holdtrue("log", scored, "--profile").told
    assert "Requests to v1" in told
    assert "40 rows" in told
    (day,) = holdtrue("log", scored, "--profile", "--json").object["days"]
    assert day["columns"]["heat"]["maximum"] == 19.0
    assert day["columns"]["noise"]["mean"] == pytest.approx(0.4875)
    assert holdtrue("log", scored, "--erase", "e7", "--json").object == {"loop": "machines", "n_rows": 1, "n_labels": 0}
    assert "0 rows" in holdtrue("log", scored, "--erase", "e7").told
    assert holdtrue("log", scored, "--where", "key = 'e7'", "--json").object["n_rows"] == 0


def test_terms_that_cannot_be_meant_stop_what_would_go_by_them(holdtrue: Command, scored: Path) -> None:
    (scored.parent / "pyproject.toml").write_text("[tool.holdtrue.log]\nkeep = 'a year'\n")
    assert "'a year'" in holdtrue("log", scored, "--compact", code=2).problem
    assert "'a year'" in holdtrue("serve", "--folder", scored.parent, code=2).problem
    assert "'a year'" in holdtrue("up", scored, code=2).problem


def test_status_says_what_of_the_log_a_reader_must_know(holdtrue: Command, scored: Path) -> None:
    store = scored.parent / ".holdtrue"
    write_policy_file(store, LogPolicy(budget_bytes=1_000))
    commit_manifest(store / "log" / "machines", LogManifest(n_dropped=1_234))
    told = holdtrue("status", scored).told
    assert "the oldest 1,234 rows were dropped" in told
    assert "of 1,000 bytes; when full, requests are refused" in told
    (store / "run").mkdir(exist_ok=True)
    (store / "run" / "log-problems.json").write_text('["segment a.seg is damaged"]')
    assert "segment a.seg is damaged" in holdtrue("status", scored, "--json").object["notes"]
