from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from holdtrue.domain import Role
from holdtrue.errors import ColumnMissing, DeclarationError, NotFound, SchemaMismatch, SourceMissing
from holdtrue.project import StoredView, score_file
from project.small import opened, read_log

MOMENT = datetime(2024, 2, 10, 6, tzinfo=UTC)
ROWS = pl.DataFrame(
    {
        "event": ["a", "b", None],
        "at": pl.Series([MOMENT, None, MOMENT], dtype=pl.Datetime("us", "UTC")),
        "heat": [2.0, -2.0, 0.0],
        "noise": [0.0, 0.0, 0.0],
        "remark": ["x", "y", "z"],
    }
)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    ROWS.write_parquet(tmp_path / "in.parquet")
    return tmp_path / "in.parquet"


def test_each_row_comes_back_with_its_answer_and_its_own_columns(trained: Path, source: Path, tmp_path: Path) -> None:
    with opened(trained) as project:
        scored = score_file(project, source, tmp_path / "out.parquet")
    out = pl.read_parquet(tmp_path / "out.parquet")
    assert (scored.n_rows, scored.version) == (3, "v1")
    assert out["remark"].to_list() == ["x", "y", "z"]
    assert out["version"].to_list() == ["v1"] * 3
    assert out["prediction_id"].n_unique() == 3
    assert out["p_True"][0] > 0.8 > 0.2 > out["p_True"][1]
    assert (out["p_True"] + out["p_False"]).to_list() == pytest.approx([1.0] * 3)
    assert "decision" not in out.columns


def test_what_was_written_is_in_the_log_as_the_servers_would_log_it(
    trained: Path, source: Path, tmp_path: Path
) -> None:
    with opened(trained) as project:
        now = project.clock.now().timestamp()
        score_file(project, source, tmp_path / "out.parquet")
    out = pl.read_parquet(tmp_path / "out.parquet")
    log = read_log(trained)
    assert [row.prediction_id for row in log] == out["prediction_id"].to_list()
    assert [row.key for row in log] == ["a", "b", log[2].prediction_id]  # without a key the id serves as one
    assert [row.time for row in log] == [MOMENT.timestamp(), now, MOMENT.timestamp()]
    assert log[0].features == {"heat": 2.0, "noise": 0.0}
    assert [row.answer[1] for row in log] == out["p_True"].to_list()
    assert {(row.version, row.role, row.probability) for row in log} == {(1, Role.CHAMPION, 1.0)}


def test_a_csv_file_gives_the_same_answers_and_keeps_the_zeros_of_its_keys(
    trained: Path, source: Path, tmp_path: Path
) -> None:
    ROWS.with_columns(pl.Series("event", ["007", "08", "9"])).write_csv(tmp_path / "in.csv")
    with opened(trained) as project:
        score_file(project, source, tmp_path / "out.parquet")
        score_file(project, tmp_path / "in.csv", tmp_path / "out.csv")
    table, text = pl.read_parquet(tmp_path / "out.parquet"), pl.read_csv(tmp_path / "out.csv")
    assert text["p_True"].to_list() == pytest.approx(table["p_True"].to_list())
    assert {row.key for row in read_log(trained)} >= {"007", "08", "9"}


def test_scoring_a_scored_file_again_replaces_its_answers(trained: Path, source: Path, tmp_path: Path) -> None:
    once, twice = tmp_path / "once.parquet", tmp_path / "twice.parquet"
    with opened(trained) as project:
        score_file(project, source, once)
        score_file(project, once, twice)
    before, after = pl.read_parquet(once), pl.read_parquet(twice)
    assert sorted(before.columns) == sorted(after.columns)
    assert not set(before["prediction_id"]) & set(after["prediction_id"])
    assert len(read_log(trained)) == 6


def test_a_missing_feature_is_named_and_nothing_is_written_or_logged(trained: Path, tmp_path: Path) -> None:
    ROWS.drop("heat").write_parquet(tmp_path / "in.parquet")
    with opened(trained) as project, pytest.raises(ColumnMissing, match="heat"):
        score_file(project, tmp_path / "in.parquet", tmp_path / "out.parquet")
    assert not (tmp_path / "out.parquet").exists()
    assert read_log(trained) == []


def test_a_target_of_unknown_kind_is_refused_before_anything_is_logged(
    trained: Path, source: Path, tmp_path: Path
) -> None:
    with opened(trained) as project, pytest.raises(DeclarationError, match=r"\.parquet"):
        score_file(project, source, tmp_path / "out.xlsx")
    assert read_log(trained) == []


def test_a_missing_source_is_named(trained: Path, tmp_path: Path) -> None:
    with opened(trained) as project, pytest.raises(SourceMissing, match=r"in\.parquet"):
        score_file(project, tmp_path / "in.parquet", tmp_path / "out.parquet")


def test_a_scored_row_leads_back_to_all_that_it_rests_on(trained: Path, source: Path, tmp_path: Path) -> None:
    with opened(trained) as project:
        score_file(project, source, tmp_path / "out.parquet")
        found = StoredView(project=project).explain(pl.read_parquet(tmp_path / "out.parquet")["prediction_id"][0])
        assert found.version is not None
        assert found.run is not None
        assert found.dataset is not None
        assert found.release is not None
        assert found.prediction.key == "a"
        assert found.run.run_id == found.version.lineage.run_id
        assert found.dataset.digest == found.version.lineage.dataset
        assert {record.stage.value for record in found.verdicts} == {"gate", "refit"}
        assert "install" in [entry.action for entry in found.decisions]
        with pytest.raises(NotFound, match="no-such-id"):
            StoredView(project=project).explain("no-such-id")


def test_naive_times_are_read_as_the_tables_own_and_else_refused_before_anything_is_written(
    trained: Path, tmp_path: Path
) -> None:
    ROWS.with_columns(pl.col("at").dt.replace_time_zone(None)).write_parquet(tmp_path / "naive.parquet")
    with opened(trained) as project, pytest.raises(SchemaMismatch, match="no time zone"):
        score_file(project, tmp_path / "naive.parquet", tmp_path / "out.parquet")
    assert not (tmp_path / "out.parquet").exists()
    assert read_log(trained) == []
    declared = (trained / "loop.py").read_text()
    (trained / "loop.py").write_text(declared.replace('time="at"', 'time="at", time_zone="America/New_York"'))
    with opened(trained) as project:
        score_file(project, tmp_path / "naive.parquet", tmp_path / "out.parquet")
    assert read_log(trained)[0].time == MOMENT.timestamp() + 5 * 3600
