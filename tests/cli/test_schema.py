from pathlib import Path

import polars as pl
import pytest

from cli.command import Command
from holdtrue.cli.declare import EXAMPLES
from holdtrue.data import read_schema


def declare(loop_file: Path, schema: str) -> Path:
    text = loop_file.read_text()
    assert "    train=train,\n" in text
    loop_file.write_text(text.replace("    train=train,\n", f"    train=train,\n    schema={schema},\n"))
    return loop_file


def test_a_schema_is_written_reviewed_and_kept(holdtrue: Command, fresh: Path) -> None:
    path = fresh.parent / "schema.toml"
    assert "Review it" in holdtrue("check", fresh, "--write-schema").told
    written = path.read_text()
    assert read_schema(path).names == ("heat", "noise")
    assert "is as it was" in holdtrue("check", fresh, "--write-schema").told
    path.write_text(written.replace('unit = ""', 'unit = "K"\nlow = -99', 1) + 'calm = "heat < 99 OR noise < 99"\n')
    declare(fresh, 'ht.schema("schema.toml")')
    told = holdtrue("check", fresh).told
    for word in ("declared, and kept", "from -99", "Rule calm: heat < 99 OR noise < 99"):
        assert word in told
    assert holdtrue("check", fresh, "--json").object["rules"] == [
        {"name": "calm", "text": "heat < 99 OR noise < 99", "on_requests": True}
    ]


def test_a_file_that_differs_is_shown_and_left_alone_unless_forced(holdtrue: Command, fresh: Path) -> None:
    path = fresh.parent / "mine.toml"
    holdtrue("check", fresh, "--write-schema", path)
    written = path.read_text()
    path.write_text(written.replace("\nnullable = false", "\nnullable = true", 1))
    problem = holdtrue("check", fresh, "--write-schema", path, code=2).problem
    assert "-nullable = true +nullable = false" in problem
    assert "--force" in problem
    assert path.read_text() != written
    told = holdtrue("check", fresh, "--write-schema", path, "--force").told
    assert "-nullable = true +nullable = false" in told
    assert path.read_text() == written
    assert holdtrue("check", fresh, "--write-schema", path, "--json").object == {
        "path": str(path), "is_new": False, "diff": "",
    }  # fmt: skip


def test_what_was_declared_stays_when_the_file_is_written_anew(holdtrue: Command, fresh: Path) -> None:
    declare(fresh, 'ht.schema("schema.toml")')
    assert "--write-schema writes it" in holdtrue("check", fresh, code=2).problem
    path = fresh.parent / "schema.toml"
    holdtrue("check", fresh, "--write-schema")
    path.write_text(
        '[table]\nmin_rows = 5\n[columns.heat]\nkind = "number"\nlow = -99\nunit = "K"\n'
        '[columns.failed]\nkind = "boolean"\n[rules]\nr = "heat > -99"\n'
    )
    holdtrue("check", fresh, "--write-schema", "--force")
    schema = read_schema(path)
    assert schema.names == ("heat", "noise", "failed")
    assert (schema.min_rows, schema.rules[0].text) == (5, "heat > -99")
    assert (schema.column("heat").unit, schema.column("heat").limits.low) == ("K", -99)
    assert schema.column("heat").low is not None


def test_a_grown_file_tells_all_that_broke(holdtrue: Command, fresh: Path) -> None:
    declare(fresh, 'ht.schema(columns=[ht.column("heat", "number", high=900)], rules={"r": "noise < 900"})')
    holdtrue("check", fresh)
    path = fresh.parent / "rows.parquet"
    rows = pl.read_parquet(path)
    key = rows.columns[0]
    strange = rows.tail(1).with_columns(pl.lit("new").alias(key), heat=pl.lit(901.0), noise=pl.lit(902.0))
    pl.concat([rows, strange]).write_parquet(path)
    problem = holdtrue("check", fresh, code=2).problem
    for word in ("2 ways", "1 of 2,401 rows has 'heat' above 900; the first is row 2,400", "'r' (noise < 900)"):
        assert word in problem


def test_rows_that_are_too_old_are_told(holdtrue: Command, fresh: Path) -> None:
    declare(fresh, 'ht.schema(fresh_within="1m")')
    assert "the newest row is of" in holdtrue("check", fresh, code=2).problem


def test_a_path_or_force_alone_and_a_path_in_no_folder_are_refused(holdtrue: Command, fresh: Path) -> None:
    assert "--write-schema" in holdtrue("check", fresh, "schema.toml", code=2).problem
    assert "--write-schema" in holdtrue("check", fresh, "--force", code=2).problem
    for path in (fresh.parent, fresh.parent / "nowhere" / "schema.toml"):
        assert "the path of a file" in holdtrue("check", fresh, "--write-schema", path, code=2).problem


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_each_example_keeps_the_schema_that_was_written_from_it(holdtrue: Command, tmp_path: Path, name: str) -> None:
    holdtrue("init", tmp_path / "mine", "--example", name)
    loop_file = tmp_path / "mine" / "loop.py"
    holdtrue("check", loop_file, "--write-schema")
    before = holdtrue("check", loop_file, "--json").object
    after = holdtrue("check", declare(loop_file, 'ht.schema("schema.toml")'), "--json").object
    assert after == before
    assert "is as it was" in holdtrue("check", loop_file, "--write-schema").told


def test_a_column_of_one_value_and_one_of_moments_are_pointed_out(holdtrue: Command, fresh: Path) -> None:
    path = fresh.parent / "rows.parquet"
    rows = pl.read_parquet(path).with_row_index("i")
    rows.with_columns(one=pl.lit("x"), made=1_700_000_000 + pl.col("i")).drop("i").write_parquet(path)
    told = holdtrue("check", fresh).told
    assert "'one' has one value only" in told
    assert "'made' looks like a time (2023-11-14 to 2023-11-14 as Unix seconds)" in told
    assert "1700000000 .. 1700002399" in told


def test_rows_to_score_that_break_a_limit_are_named_one_by_one(holdtrue: Command, trained_within: Path) -> None:
    rows = pl.read_parquet(trained_within.parent / "rows.parquet").drop("failed")
    source, target = trained_within.parent / "new.parquet", trained_within.parent / "out.parquet"
    hot = pl.int_range(5) < 2
    rows.head(5).with_columns(heat=pl.when(hot).then(901.0).otherwise("heat")).write_parquet(source)
    assert "2 rows were not answered" in holdtrue("score", trained_within, source, target).out
    errors = pl.read_parquet(target)["error"].to_list()
    assert [error is None for error in errors] == [False, False, True, True, True]
    assert "900" in errors[0]


def test_a_file_to_score_of_which_no_row_can_be_answered_ends_with_3(holdtrue: Command, trained_within: Path) -> None:
    rows = pl.read_parquet(trained_within.parent / "rows.parquet").drop("failed")
    source, target = trained_within.parent / "new.parquet", trained_within.parent / "out.parquet"
    rows.head(5).with_columns(heat=pl.lit(901.0)).write_parquet(source)
    assert "5 rows were not answered" in holdtrue("score", trained_within, source, target, code=3).out
    assert pl.read_parquet(target)["error"].null_count() == 0


@pytest.fixture
def trained_within(holdtrue: Command, fresh: Path) -> Path:
    declare(fresh, 'ht.schema(columns=[ht.column("heat", "number", high=900, nullable=False)])')
    holdtrue("train", fresh)
    return fresh
