"""register: a model of one's own, with the exit codes of train."""

import pickle
from datetime import timedelta
from pathlib import Path

import lightgbm
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

from cli.command import BEGIN, Command, write_project

UNTIL = (BEGIN + timedelta(days=30)).isoformat()


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A project whose loop declares no train, and models that were trained elsewhere on its first 30 days."""
    loop_file = write_project(tmp_path / "own")
    text = (
        loop_file.read_text()
        .replace("    train=train,\n", "")
        .replace("    retrain=ht.every(days=10) | ht.on_risk(),\n", "")
    )
    loop_file.write_text(text)
    rows = pl.read_parquet(tmp_path / "own" / "rows.parquet").filter(pl.col("at") < BEGIN + timedelta(days=30))
    features, labels = rows.select("heat", "noise"), rows["failed"].to_numpy()
    boosted = lightgbm.LGBMClassifier(n_estimators=10, num_leaves=4, verbose=-1).fit(features.to_pandas(), labels)
    boosted.booster_.save_model(loop_file.parent / "model.txt")
    wrong = lightgbm.LGBMClassifier(n_estimators=10, num_leaves=4, verbose=-1).fit(features.to_pandas(), ~labels)
    wrong.booster_.save_model(loop_file.parent / "wrong.txt")
    (loop_file.parent / "model.pkl").write_bytes(pickle.dumps(LogisticRegression().fit(features, labels)))
    folder = loop_file.parent / "logged"
    folder.mkdir()
    (folder / "MLmodel").write_text("flavors:\n  lightgbm:\n    data: model.lgb\n")
    boosted.booster_.save_model(folder / "model.lgb")
    return loop_file


def test_a_model_of_ones_own_takes_charge_and_answers(holdtrue: Command, own: Path, tmp_path: Path) -> None:
    told = holdtrue("register", own, own.parent / "model.txt", "--trained-until", UNTIL, "--json").object
    assert (told["version"], told["ruling"], told["champion"]) == ("v1", "passed", "v1")
    pl.DataFrame({"event": ["a"], "heat": [2.0], "noise": [0.0]}).write_csv(tmp_path / "in.csv")
    assert "answered by v1" in holdtrue("score", own, tmp_path / "in.csv", tmp_path / "out.csv").told
    assert "register" in holdtrue("status", own).told


def test_a_card_takes_the_word_of_whoever_brought_a_model_for_no_evidence(holdtrue: Command, own: Path) -> None:
    holdtrue("register", own, own.parent / "model.txt", "--trained-until", UNTIL)
    told = holdtrue("card", own).told
    assert "It was trained elsewhere, on what is not known here. By the word of whoever brought it" in told
    assert "The snapshot that it was judged by, on the rows after that moment, holds" in told
    assert "On the evaluation rows, later than all that it is said to have seen" in told
    assert "How it was trained, on which rows and by which code: it was brought as a file." in told
    assert "It was trained on" not in told
    assert "Seen in training" not in told


def test_the_second_begins_a_rollout(holdtrue: Command, own: Path) -> None:
    holdtrue("register", own, own.parent / "model.txt", "--trained-until", UNTIL)
    told = holdtrue("register", own, own.parent / "model.pkl", "--convert", "--trained-until", UNTIL).told
    assert "On its way: v2" in told
    assert "In charge: v1" in told


def test_a_bad_model_fails_with_code_3_and_an_mlflow_folder_is_taken(holdtrue: Command, own: Path) -> None:
    assert "failed" in holdtrue("register", own, own.parent / "wrong.txt", "--trained-until", UNTIL, code=3).told
    assert "v2: passed" in holdtrue("register", own, own.parent / "logged", "--trained-until", UNTIL).told


def test_a_model_of_ones_own_is_judged_by_what_it_does_not_see(holdtrue: Command, own: Path, tmp_path: Path) -> None:
    rows = pl.read_parquet(own.parent / "rows.parquet")
    shifts = ["day" if place % 3 else "night" for place in range(rows.height)]
    rows.with_columns(shift=pl.Series(shifts)).write_parquet(own.parent / "rows.parquet")
    text = own.read_text().replace('label_delay="12h"', 'label_delay="12h", drop=["shift"]')
    checks = "    validate=[ht.beats_baseline(), ht.slices('shift')],\n    rollout="
    own.write_text(text.replace("    rollout=", checks))
    told = holdtrue("register", own, own.parent / "model.txt", "--trained-until", UNTIL, "--json").object
    assert (told["version"], told["ruling"]) == ("v1", "passed")
    holdtrue("card", own, "--markdown", tmp_path / "card.md")
    assert "Of 2 slices by shift, 2 could be judged" in (tmp_path / "card.md").read_text()


def test_without_a_moment_nothing_later_than_the_file_is_there_and_that_is_inconclusive(
    holdtrue: Command, own: Path
) -> None:
    told = holdtrue("register", own, own.parent / "model.txt", code=4).told
    assert "Not enough data" in told
    assert "In charge: nobody yet" in told


def test_a_pickle_is_refused_with_what_to_do(holdtrue: Command, own: Path) -> None:
    problem = holdtrue("register", own, own.parent / "model.pkl", "--trained-until", UNTIL, code=2).problem
    assert "--convert" in problem
    assert "runs code" in problem


@pytest.mark.parametrize(
    ("model", "until", "word"),
    [("gone.txt", UNTIL, "no file"), ("model.txt", "2999-01-01", "to come"), ("model.txt", "soon", "--trained-until")],
)
def test_what_cannot_be_meant_is_refused(holdtrue: Command, own: Path, model: str, until: str, word: str) -> None:
    assert word in holdtrue("register", own, own.parent / model, "--trained-until", until, code=2).problem


def test_train_and_tick_of_a_loop_without_train_say_what_to_do(holdtrue: Command, own: Path) -> None:
    assert "holdtrue register" in holdtrue("train", own, code=2).problem
    assert "holdtrue register" in holdtrue("tick", own).told
    assert "train=" in holdtrue("backtest", own, code=2).problem
