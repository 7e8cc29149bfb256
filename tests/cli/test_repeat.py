from pathlib import Path

import pytest

from cli.command import Command

STEPS = """
import polars as pl
from sklearn.linear_model import LogisticRegression


def rows(data: ht.Dataset) -> pl.DataFrame:
    return data.features.with_columns(label=data.label)


def share(rows: pl.DataFrame, places: int) -> float:
    return round(rows["label"].mean(), places)


def fit(rows: pl.DataFrame, share: float) -> LogisticRegression:
    return LogisticRegression(C=share).fit(rows.drop("label"), rows["label"])


loop ="""


@pytest.fixture
def stepped(holdtrue: Command, fresh: Path) -> tuple[Path, str]:
    """The loop file of a project with a pipeline that was trained, and the run."""
    text = fresh.read_text().replace("loop =", STEPS)
    text = text.replace("train=train,", 'pipeline=[rows, share, fit],\n    parameters={"places": 3},')
    fresh.write_text(text)
    holdtrue("train", fresh)
    return fresh, str(holdtrue("runs", "--loop", fresh, "--json").object["runs"][0]["run_id"])


@pytest.mark.parametrize("step", ["rows", "share", "fit"])
def test_a_step_that_is_done_again_returns_what_it_returned(
    holdtrue: Command, stepped: tuple[Path, str], step: str
) -> None:
    loop_file, run = stepped
    told = holdtrue("train", loop_file, "--step", step, "--from", run[:10], "--json").object
    assert (told["run_id"], told["step"], told["is_equal"]) == (run, step, True)
    assert told["value"]
    assert len(holdtrue("runs", "--loop", loop_file, "--json").object["runs"]) == 1


def test_a_fit_of_a_run_whose_refit_failed_is_done_again_on_the_rows_of_the_refit(
    holdtrue: Command, fresh: Path
) -> None:
    text = fresh.read_text().replace("loop =", STEPS).replace("train=train,", "pipeline=[rows, share, fit],")
    text = text.replace("data.label)", "data.label if data.n_rows < 2000 else ~data.label)").replace(
        ", places)", ", 3)"
    )
    fresh.write_text(text.replace(", places: int)", ")"))
    told = holdtrue("train", fresh, code=3).told
    assert "The refit on all rows is worse than the candidate" in told
    run = str(holdtrue("runs", "--loop", fresh, "--json").object["runs"][0]["run_id"])
    for step in ("rows", "fit"):
        assert holdtrue("train", fresh, "--step", step, "--from", run, "--json").object["is_equal"] is True


def test_an_edited_step_shows_what_the_edit_changes_with_the_values_of_then(
    holdtrue: Command, stepped: tuple[Path, str]
) -> None:
    loop_file, run = stepped
    # The step before is edited too, but what it returned then is what counts.
    text = loop_file.read_text().replace("round(rows", "1 - round(rows").replace("label=data.label)", "label=1)")
    loop_file.write_text(text)
    told = holdtrue("train", loop_file, "--step", "share", "--from", run, "--json").object
    assert told["is_equal"] is False
    assert 0.3 < float(told["value"]) < 0.7
    assert "something else than in the run" in holdtrue("train", loop_file, "--step", "share", "--from", run).told


def test_what_cannot_be_done_again_is_said(holdtrue: Command, stepped: tuple[Path, str]) -> None:
    loop_file, run = stepped
    assert "write share" in holdtrue("train", loop_file, "--step", "shar", "--from", run, code=2).problem
    assert "--step NAME and --from RUN" in holdtrue("train", loop_file, "--step", "fit", code=2).problem
    holdtrue("gc", loop_file, "--older-than", "0s")
    assert "no longer kept" in holdtrue("train", loop_file, "--step", "fit", "--from", run, code=2).problem
