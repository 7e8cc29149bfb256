import re
from pathlib import Path

import polars as pl

from cli.command import Command

CHECKS = 'ht.no_leak(), ht.beats_baseline(), ht.slices("side"), ht.fairness(by="side"), ht.calibrated()'


def test_two_versions_are_compared_as_a_table_an_object_a_page_and_markdown(
    holdtrue: Command, rolling: Path, tmp_path: Path
) -> None:
    page, text = tmp_path / "out.html", tmp_path / "out.md"
    done = holdtrue("compare", "2", "1", "--loop", rolling, "--html", page, "--markdown", text, code=4)
    assert "v2 and v1 cannot be told apart yet. Not enough data" in done.told
    assert "Mean log-loss" in done.told
    assert "<script" not in page.read_text()
    assert "v2 against v1 of machines" in page.read_text()
    assert text.read_text().startswith("## v2 against v1 of machines\n")
    assert "| Mean log-loss |" in text.read_text()


def test_a_comparison_is_one_object_and_the_second_is_the_champion_unless_said(
    holdtrue: Command, rolling: Path
) -> None:
    told = holdtrue("compare", "v2", "--loop", rolling, "--json", code=4).object
    assert (told["first"]["name"], told["second"]["name"]) == ("v2", "v1")
    assert told["second"]["is_champion"] is True
    assert told["finding"] == "no data"
    assert told["n_rows"] > 0


def test_a_version_that_is_not_there_ends_with_2(holdtrue: Command, trained: Path) -> None:
    assert "v7" in holdtrue("compare", "7", "--loop", trained, code=2).problem


def test_a_card_tells_of_the_champion_from_evidence_and_what_is_not_known(
    holdtrue: Command, trained: Path, tmp_path: Path
) -> None:
    page, text = tmp_path / "card.html", tmp_path / "card.md"
    told = holdtrue("card", trained, "--html", page, "--markdown", text).told
    assert "v1 of machines answers “failed” (binary)" in told
    assert "Will the machine fail today?" in told
    assert "No outcome is declared" in told
    assert "No check looked at whether groups fare alike (fairness)." in told
    assert "The run began because: ordered by the test." in told
    assert not re.search(r"<script|http-equiv=\"refresh", page.read_text())
    assert "| beats\\_baseline | passed |" in text.read_text()


def test_a_card_is_one_object_with_version_dataset_run_and_verdicts(holdtrue: Command, rolling: Path) -> None:
    told = holdtrue("card", rolling, "v2", "--json").object
    assert told["version"]["number"] == 2
    assert told["is_champion"] is False
    assert told["dataset"]["digest"] == told["version"]["lineage"]["dataset"]
    assert told["run"]["run_id"] == told["version"]["lineage"]["run_id"]
    assert {record["stage"] for record in told["verdicts"]} == {"gate", "refit"}
    assert told["decisions"]


def test_a_card_shows_slices_groups_and_calibration_where_checks_looked_at_them(
    holdtrue: Command, fresh: Path, tmp_path: Path
) -> None:
    add_side(fresh)
    holdtrue("train", fresh, "--json", code=4)
    page = tmp_path / "card.html"
    told = holdtrue("card", fresh, "1", "--html", page).told
    for heading in ("Slice by slice", "Group by group", "Did what was predicted come?"):
        assert heading in told
        assert heading in page.read_text()
    assert "side = 1" in told
    assert "selection: each group against the largest" in told
    assert page.read_text().count("<svg") >= 4


def add_side(loop_file: Path) -> None:
    """Give the rows a column of two sides, and the loop checks that look at them."""
    rows = pl.read_parquet(loop_file.parent / "rows.parquet")
    side = pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.lit(0)).otherwise(1)
    rows.with_columns(side.alias("side")).write_parquet(loop_file.parent / "rows.parquet")
    text = loop_file.read_text().replace("    retrain=", f"    validate=[{CHECKS}],\n    retrain=")
    loop_file.write_text(text)
