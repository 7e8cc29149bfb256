from pathlib import Path

import polars as pl

from cli.command import Command
from holdtrue.project import control_lock


def test_a_first_version_that_passes_takes_charge_and_the_command_ends_with_0(holdtrue: Command, fresh: Path) -> None:
    told = holdtrue("train", fresh, "--json").object
    assert (told["loop"], told["version"], told["ruling"]) == ("machines", "v1", "passed")
    assert (told["champion"], told["challenger"]) == ("v1", None)
    assert {"no_leak", "beats_baseline"} <= {verdict["check"] for verdict in told["verdicts"]}
    assert all(verdict["sentence"] for verdict in told["verdicts"])
    assert (fresh.parent / ".holdtrue" / "traffic.json").exists()


def test_a_version_that_fails_its_checks_ends_with_3_and_says_which(holdtrue: Command, fresh: Path) -> None:
    rows = pl.read_parquet(fresh.parent / "rows.parquet")
    rows.with_columns(pl.col("failed").cast(pl.Float64).alias("noise")).write_parquet(fresh.parent / "rows.parquet")
    told = holdtrue("train", fresh, code=3).told
    assert "failed" in told
    assert "noise" in told
    assert "nobody yet" in told


def test_too_few_rows_to_rule_on_end_with_4(holdtrue: Command, fresh: Path) -> None:
    rows = pl.read_parquet(fresh.parent / "rows.parquet")
    rows.head(160).write_parquet(fresh.parent / "rows.parquet")
    fresh.write_text(fresh.read_text().replace("[0.5, 1], min_rows=50", "[0.5, 1], min_rows=5"))
    told = holdtrue("train", fresh, "--json", code=4).object
    assert (told["ruling"], told["champion"]) == ("inconclusive", None)


def test_too_few_labels_to_begin_with_end_with_4_as_not_enough_data(holdtrue: Command, fresh: Path) -> None:
    rows = pl.read_parquet(fresh.parent / "rows.parquet")
    rows.head(10).write_parquet(fresh.parent / "rows.parquet")
    done = holdtrue("train", fresh, code=4)
    assert "Not enough data to train: no label is known before the evaluation rows begin" in done.problem
    assert "failed:" not in done.problem


def test_a_train_that_raises_ends_with_3_and_shows_the_users_own_lines(holdtrue: Command, fresh: Path) -> None:
    text = fresh.read_text().replace("    return Log", '    raise ValueError("my own mistake")\n    return Log')
    fresh.write_text(text)
    done = holdtrue("train", fresh, "--json", code=3)
    assert "my own mistake" in done.problem
    assert "Traceback" in done.problem
    assert done.out == ""


def test_while_another_process_holds_the_project_train_and_tick_end_with_5(holdtrue: Command, fresh: Path) -> None:
    with control_lock(fresh.parent / ".holdtrue"):
        for name in ("train", "tick"):
            assert "controls this project already" in holdtrue(name, fresh, code=5).problem
    assert "v1" not in holdtrue("status", fresh).told


def test_a_first_tick_trains_and_installs(holdtrue: Command, fresh: Path) -> None:
    told = holdtrue("tick", fresh, "--json").object
    assert told["loop"] == "machines"
    assert [entry["move"] for entry in told["moves"]] == ["StartRun", "Install"]
    assert all(entry["sentence"] for entry in told["moves"])


def test_a_tick_with_nothing_to_do_says_so(holdtrue: Command, trained: Path) -> None:
    text = trained.read_text().replace("ht.every(days=10) | ht.on_risk()", "ht.every(days=100_000)")
    trained.write_text(text)
    assert holdtrue("tick", trained).told == "Nothing to do."
    assert holdtrue("tick", trained, "--json").object["moves"] == []
