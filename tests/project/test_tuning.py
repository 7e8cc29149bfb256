"""Tuning a project: no gate's row has a part in it, a kill loses nothing, and trainings use what was found."""

import shutil
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from holdtrue.data import load_snapshot
from holdtrue.domain import RunState, TrialState, Tuning, Version
from holdtrue.errors import DeclarationError, LabelError, StateConflict, TrainingFailed
from holdtrue.loop import Trained, cut_folds
from holdtrue.loop.tuning import find_choice, remember_choice
from holdtrue.project import Project, find_run, gather_card, list_runs, reproduce_run, tune_loop, view_run
from holdtrue.report import render_card, render_tuning, tell_tuning
from project.tuned import opened_inline, read_fits, write_tuned_project


class Killed(BaseException):
    """Stands for the end of the process."""


def kill_after(n_trials: int, done: int) -> None:
    if done == n_trials:
        raise Killed


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """A project that was tuned: its folder, what was found, and the newest row of each fit."""

    folder: Path
    tuning: Tuning
    fits: pl.DataFrame

    def copy(self, folder: Path) -> Path:
        """Copy the project; return its loop file."""
        return Path(shutil.copytree(self.folder, folder)) / "loop.py"


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Tuned:
    loop_file = write_tuned_project(tmp_path_factory.mktemp("tuned") / "project")
    with opened_inline(loop_file) as project:
        tuning = tune_loop(project)
    return Tuned(folder=loop_file.parent, tuning=tuning, fits=read_fits(loop_file.parent))


def train(project: Project) -> Version:
    outcome = project.make_controller().train_now("ordered by the test")
    assert isinstance(outcome, Trained)
    with project.store.reading() as tx:
        return tx.versions.read(project.loop.name, outcome.version)


def test_no_row_that_a_gate_judges_has_a_part_in_a_tuning(tuned: Tuned, tmp_path: Path) -> None:
    tuning, newest = tuned.tuning, tuned.fits["newest"]
    with opened_inline(tuned.copy(tmp_path / "project")) as project:
        rows = load_snapshot(project.store, find_run(project, tuning.run_id).dataset or "", project.loop.name)
        # Neither a row nor a label of the gate is in what trials were given; and none was fitted on what proves it.
        assert rows.ends_at < tuning.seen_until
        assert rows.frame["__label_time"].drop_nulls().to_list()[-1] <= tuning.seen_until
        assert newest.len()
        assert max(newest.to_list()) < tuning.proved_since < tuning.seen_until
        assert sum(time < tuning.selected_since for time in newest) >= 6  # the first part of each trial
        train(project)
        first_fit = read_fits(project.folder)["newest"][0]
    # The gate's rows begin where the candidate's end: there, and not before, the tuning had ended.
    assert tuning.seen_until - timedelta(hours=14) < first_fit < tuning.seen_until


def test_the_best_trial_is_chosen_and_rows_that_selection_did_not_use_say_what_it_is_worth(tuned: Tuned) -> None:
    tuning, proof = tuned.tuning, tuned.tuning.proof
    best = min((trial for trial in tuning.trials if trial.loss is not None), key=lambda trial: trial.loss or 0)
    assert (tuning.best, tuning.parameters) == (best.number, best.parameters)
    assert tuning.is_adopted
    assert proof.n_rows == pytest.approx(0.2 * 0.8 * 59 * 20, rel=0.1)
    assert proof.low is not None
    assert proof.high is not None
    assert proof.difference_high is not None
    assert proof.low < proof.loss < proof.high
    assert proof.difference_high < 0  # the declared strength lets it learn next to nothing
    said = " ".join(tell_tuning(tuning))
    assert "which flatters it" in said
    assert f"{proof.n_rows} later rows that selection did not use" in said
    assert "<svg" in render_tuning(tuning)


METRIC = """def spread(candidate: ht.Candidate) -> float:
    assert candidate.score(candidate.rows.features).shape == candidate.answers.shape
    return float(candidate.answers[:, 1].std())


loop = ht.Loop"""


def test_a_metric_chooses_in_the_place_of_the_loss_and_both_are_told(tuned: Tuned, tmp_path: Path) -> None:
    loop_file = tuned.copy(tmp_path / "project")
    text = loop_file.read_text().replace("n_trials=6)", "n_trials=6, metric=ht.lowest(spread))")
    loop_file.write_text(text.replace("loop = ht.Loop", METRIC))
    with opened_inline(loop_file) as project:
        tuning = tune_loop(project)
        with project.store.reading() as tx:
            assert find_choice(tx, project.loop) is not None
    # Answers of the weakest fit are spread least; they lose most, and later rows show it.
    found = [(trial.metric, trial.parameters["strength"]) for trial in tuning.trials if trial.metric is not None]
    assert (tuning.best_metric, tuning.trials[tuning.best].parameters["strength"]) == min(found)
    assert all(len(trial.metrics) == len(trial.losses) for trial in tuning.trials)
    assert tuning.trials[0].losses == tuned.tuning.trials[0].losses
    proof = tuning.proof.metric
    assert proof is not None
    assert not proof.shows_harm
    said = " ".join(tell_tuning(tuning))
    assert f"The best, number {tuning.best}, had a mean spread of" in said
    assert "Its spread there was" in said
    assert "it lost" in said
    assert "Spread of each trial" in render_tuning(tuning)
    loop_file.write_text(loop_file.read_text().replace(".std())", ".var())"))
    with opened_inline(loop_file) as project, project.store.reading() as tx:
        assert find_choice(tx, project.loop) is None  # another metric would choose others


def test_a_metric_of_other_answers_or_of_no_number_is_refused_and_leaves_no_choice(tmp_path: Path) -> None:
    loop_file = write_tuned_project(tmp_path)
    text = loop_file.read_text()
    loop_file.write_text(text.replace("n_trials=6)", "n_trials=6, metric='root_mean_squared_error')"))
    with opened_inline(loop_file) as project:
        with pytest.raises(DeclarationError, match=r"answers with classes\. Expected: one of \['auc'"):
            tune_loop(project)
        assert list_runs(project) == []
    loop_file.write_text(text.replace("n_trials=6)", "n_trials=6, metric=ht.lowest(lambda _: 'much'))"))
    with opened_inline(loop_file) as project:
        with pytest.raises(DeclarationError, match="returned 'much'"):
            tune_loop(project)
        with project.store.reading() as tx:
            assert find_choice(tx, project.loop) is None


def test_parameters_that_later_rows_show_to_do_harm_are_not_taken(tuned: Tuned) -> None:
    worse = replace(tuned.tuning.proof, declared_loss=0.1, difference_low=0.2, difference_high=0.5)
    assert worse.shows_harm
    kept = replace(tuned.tuning, proof=worse, parameters=tuned.tuning.declared)
    assert not kept.is_adopted
    assert "worse than the declared parameters, which are kept" in " ".join(tell_tuning(kept))


def test_a_killed_tuning_goes_on_with_the_trials_that_are_left(tuned: Tuned, tmp_path: Path) -> None:
    loop_file = write_tuned_project(tmp_path)
    with opened_inline(loop_file) as project, pytest.raises(Killed):
        tune_loop(project, on_trial=lambda done, _: kill_after(4, done))
    assert read_fits(tmp_path).height == 8
    with opened_inline(loop_file) as project:
        told: list[int] = []
        again = tune_loop(project, on_trial=lambda done, _: told.append(done))
        assert told[0] == 4
        assert [trial.parameters for trial in again.trials] == [trial.parameters for trial in tuned.tuning.trials]
        assert [trial.loss for trial in again.trials] == [trial.loss for trial in tuned.tuning.trials]
        assert len(list_runs(project)) == 1
        # Two fits for each trial that was left, one for a pruned one, and two for the proof.
        n_pruned = sum(trial.state is TrialState.PRUNED for trial in again.trials[4:])
        assert read_fits(tmp_path).height == 2 * 2 - n_pruned + 2


def test_a_tuning_with_more_trials_takes_those_that_were_done_from_the_cache(tmp_path: Path) -> None:
    with opened_inline(write_tuned_project(tmp_path)) as project:
        first = tune_loop(project, n_trials=3)
        second = tune_loop(project, n_trials=4)
        assert second.run_id != first.run_id
        assert [trial.is_cached for trial in second.trials] == [True, True, True, False]


def test_edited_code_begins_anew_and_leaves_the_old_tuning_lost(tmp_path: Path) -> None:
    loop_file = write_tuned_project(tmp_path)
    with opened_inline(loop_file) as project, pytest.raises(Killed):
        tune_loop(project, n_trials=3, on_trial=lambda done, _: kill_after(2, done))
    loop_file.write_text(loop_file.read_text().replace("(C=strength)", "(C=strength, max_iter=90)"))
    with opened_inline(loop_file) as project:
        tuning = tune_loop(project, n_trials=2)
        assert not any(trial.is_cached for trial in tuning.trials)
        assert [run.state for run in list_runs(project)] == ["succeeded", "lost"]


def test_trainings_use_what_was_chosen_until_the_declaration_changes(tuned: Tuned, tmp_path: Path) -> None:
    loop_file, tuning = tuned.copy(tmp_path / "project"), tuned.tuning
    with opened_inline(loop_file) as project:
        version = train(project)
        run = find_run(project, version.lineage.run_id)
        assert run.parameters["provenance"]["parameters"] == tuning.parameters
        assert run.parameters["order"]["tuned"]["run_id"] == tuning.run_id
        assert reproduce_run(project, run).is_equal
        assert view_run(project, run).tuning == tuning
        card = gather_card(project, version.name)
        assert card.tuning == tuning
        assert f"were tuned by the run {tuning.run_id[:12]}" in render_card(card, as_markdown=True)
        with project.store.transaction() as tx:
            choice = find_choice(tx, project.loop)
            assert choice is not None
            other = replace(choice, parameters={"strength": 1.0, "newest": 50})
            remember_choice(tx, project.loop, other)
            assert find_choice(tx, project.loop) == other
            assert find_choice(tx, project.loop, follows=version) == choice  # a catch-up keeps to its elder's
    loop_file.write_text(loop_file.read_text().replace("'newest': 60", "'newest': 61"))
    with opened_inline(loop_file) as project, project.store.reading() as tx:
        assert find_choice(tx, project.loop) is None


def test_a_tuning_beside_a_champion_ends_where_that_had_learned_all(tmp_path: Path) -> None:
    loop_file = write_tuned_project(tmp_path, strength=1.0)
    with opened_inline(loop_file, day=40) as project:
        version = train(project)
        assert project.make_controller().read_state().champion == version.number
    with opened_inline(loop_file) as project:
        now = project.clock.now()
        known = project.make_controller().history(now).known_at(now)
        tuning = tune_loop(project, n_trials=1)
        assert tuning.seen_until == version.lineage.trained_until + timedelta(microseconds=1)
        # A champion that had learned less, such as one that was gone back to, makes no gate judge what was tuned on.
        moment = tuning.seen_until + timedelta(days=9)
        for champion, is_refresh in ((version, False), (version, True), (None, False)):
            plain = cut_folds(known, champion, is_refresh=is_refresh)
            later = cut_folds(known, champion, is_refresh=is_refresh, not_before=now - timedelta(days=4))
            assert plain[0].since < now - timedelta(days=4) <= later[0].since
        assert cut_folds(known, version, is_refresh=False, not_before=moment)[0].since == moment


def test_a_budget_of_minutes_ends_a_tuning_and_refuses_the_next(tmp_path: Path) -> None:
    budget = "\n    guards=ht.guards(max_minutes_a_day=0.000001),"
    with opened_inline(write_tuned_project(tmp_path, more=budget)) as project:
        tuning = tune_loop(project)
        assert len(tuning.trials) == 1
        assert "minutes" in tuning.note
        assert "ended before all trials" in " ".join(tell_tuning(tuning))
        with pytest.raises(StateConflict, match="no trial may begin"):
            tune_loop(project)


def test_a_recipe_that_always_raises_makes_a_failed_run_with_its_error(tmp_path: Path) -> None:
    loop_file = write_tuned_project(tmp_path)
    loop_file.write_text(loop_file.read_text().replace("    return Log", '    raise ValueError("no")\n    return Log'))
    with opened_inline(loop_file) as project:
        with pytest.raises(TrainingFailed, match="none of 2 trials"):
            tune_loop(project, n_trials=2)
        (run,) = list_runs(project)
        assert run.state == RunState.FAILED.value
        with project.store.reading() as tx:
            assert find_choice(tx, project.loop) is None


def test_declared_parameters_that_raise_do_not_keep_others_from_being_found(tmp_path: Path) -> None:
    loop_file = write_tuned_project(tmp_path)
    broken = '    if strength == 0.001:\n        raise ValueError("too weak")\n    return Log'
    loop_file.write_text(loop_file.read_text().replace("    return Log", broken))
    with opened_inline(loop_file) as project:
        tuning = tune_loop(project, n_trials=3)
        assert tuning.trials[0].state is TrialState.FAILED
        assert "too weak" in (tuning.trials[0].error or "")
        assert tuning.proof.declared_loss is None
        assert "raised with the declared ones" in " ".join(tell_tuning(tuning))


def test_too_few_rows_and_a_loop_without_ranges_are_refused_and_leave_no_run(tmp_path: Path) -> None:
    loop_file = write_tuned_project(tmp_path)
    with opened_inline(loop_file, day=4) as project:
        with pytest.raises(LabelError, match="before"):
            tune_loop(project)
        assert list_runs(project) == []
    loop_file.write_text("\n".join(line for line in loop_file.read_text().splitlines() if "ht.tune" not in line))
    with opened_inline(loop_file) as project, pytest.raises(DeclarationError, match="no tune="):
        tune_loop(project)
