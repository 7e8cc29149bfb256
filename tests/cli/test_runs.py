import subprocess
from base64 import b64encode
from pathlib import Path

import pytest

from cli.command import Command
from holdtrue.domain import LOST
from holdtrue.errors import NotFound
from holdtrue.loop.memory import change_memory
from holdtrue.pipeline import fail_run, start_run, submit_run
from holdtrue.project import StoredView, open_project


def train_twice(holdtrue: Command, loop_file: Path) -> tuple[str, str]:
    """Train, change a parameter of the fit in the code, train again, and return the two runs."""
    holdtrue("train", loop_file)
    loop_file.write_text(loop_file.read_text().replace("LogisticRegression()", "LogisticRegression(C=0.5)"))
    main_run = list_ids(holdtrue, loop_file)[0]
    holdtrue("train", loop_file, code=4)
    return main_run, list_ids(holdtrue, loop_file)[0]


def list_ids(holdtrue: Command, loop_file: Path) -> list[str]:
    return [run["run_id"] for run in holdtrue("runs", "--loop", loop_file, "--json").object["runs"]]


def test_without_a_run_it_says_so(holdtrue: Command, fresh: Path) -> None:
    assert "never trained" in holdtrue("runs", "--loop", fresh).told


def test_a_run_shows_what_it_was_made_with_took_and_brought(holdtrue: Command, fresh: Path) -> None:
    folder = fresh.parent
    (folder / "pyproject.toml").write_text('[tool.holdtrue.cost]\ncore_hour = 3600.0\ncurrency = "EUR"\n')
    for words in (
        ["init", "-q"],
        ["add", "loop.py"],
        ["-c", "user.name=n", "-c", "user.email=e", "commit", "-qm", "c"],
    ):
        subprocess.run(["git", "-C", str(folder), *words], check=True)
    holdtrue("train", fresh)
    (run,) = holdtrue("runs", "--loop", fresh, "--json").object["runs"]
    found = holdtrue("runs", "show", run["run_id"][:8], "--loop", fresh, "--json").object
    assert found == run
    assert (found["state"], found["reason"]) == ("succeeded", "ordered by a person")
    assert found["result"]["version"] == 1
    assert [step["name"] for step in found["steps"]] == ["train", "train"]
    assert list(found["provenance"]["codes"]) == ["train"]
    assert any(each.startswith("sklearn ") for each in found["provenance"]["libraries"])
    assert any(each.startswith("python 3.") for each in found["provenance"]["libraries"])
    assert len(found["checkout"]["commit"]) == 40
    assert found["checkout"]["is_dirty"] is False
    assert found["n_rows"] > 1000
    assert found["price"] == pytest.approx(found["cost"]["cpu_seconds"])
    told = holdtrue("runs", "show", run["run_id"], "--loop", fresh).told
    assert "EUR" in told
    assert "sklearn" in told


def test_two_runs_differ_in_the_code_that_was_edited_and_what_came_of_it(holdtrue: Command, fresh: Path) -> None:
    first, second = train_twice(holdtrue, fresh)
    found = holdtrue("runs", "diff", first, second, "--loop", fresh, "--json").object["differences"]
    assert ("code", "train") in {(each["kind"], each["name"]) for each in found}
    assert ("result", "models") in {(each["kind"], each["name"]) for each in found}
    assert not {each["kind"] for each in found} & {"parameter", "library"}
    assert "train" in holdtrue("runs", "diff", first, second, "--loop", fresh).told
    assert "differ in nothing" in holdtrue("runs", "diff", first, first, "--loop", fresh).told


def test_a_run_that_raised_shows_its_traceback_and_a_lost_one_says_so(holdtrue: Command, fresh: Path) -> None:
    fresh.write_text(fresh.read_text().replace("    return Log", '    raise ValueError("mine")\n    return Log'))
    holdtrue("train", fresh, code=3)
    with open_project(fresh) as project, project.store.transaction() as tx:
        now = project.clock.now()
        lost = submit_run(tx, loop="machines", reason="by the test", as_of=now)
        fail_run(tx, lost, now=now, error=LOST)
    states = [run["state"] for run in holdtrue("runs", "--loop", fresh, "--json").object["runs"]]
    assert states == ["lost", "failed"]
    failed = list_ids(holdtrue, fresh)[1]
    assert "mine" in holdtrue("runs", "show", failed, "--loop", fresh).told
    assert "Traceback" in holdtrue("runs", "show", failed, "--loop", fresh, "--json").object["error"]


def test_a_setting_of_cost_that_cannot_be_meant_is_refused(holdtrue: Command, fresh: Path) -> None:
    holdtrue("train", fresh)
    (fresh.parent / "pyproject.toml").write_text("[tool.holdtrue.cost]\ncore_hour = -1\n")
    assert "tool.holdtrue.cost" in holdtrue("runs", "--loop", fresh, code=2).problem


def test_a_run_that_its_worker_left_is_stopped_and_not_taken_over(holdtrue: Command, fresh: Path) -> None:
    with open_project(fresh) as project, project.store.transaction() as tx:
        run = submit_run(tx, loop="machines", reason="a test", as_of=project.clock.now(), run_id="abc1")
        start_run(tx, run, now=project.clock.now(), owner="another")
        change_memory(tx, "machines", {"run_id": run.run_id})
    assert holdtrue("runs", "stop", "abc", "--loop", fresh, "--json").object["run_id"] == "abc1"
    assert holdtrue("runs", "show", "abc1", "--loop", fresh, "--json").object["state"] == "failed"
    assert "has failed already" in holdtrue("runs", "stop", "abc1", "--loop", fresh, code=2).problem
    with open_project(fresh) as project:
        assert not project.make_controller().read_state().is_training


def test_a_run_keeps_what_its_steps_noted_drew_and_printed_and_what_was_installed(
    holdtrue: Command, fresh: Path, tmp_path: Path
) -> None:
    noted = '    ht.note_metric("rows", data.n_rows)\n    ht.note_parameter("depth", 3)\n    print("fitting")\n'
    drawn = '    ht.keep_figure("curve", "<svg xmlns=\'http://www.w3.org/2000/svg\'/>")\n'
    fresh.write_text(fresh.read_text().replace("    return Log", f"{noted}{drawn}    return Log"))
    holdtrue("train", fresh)
    (run,) = list_ids(holdtrue, fresh)
    out = tmp_path / "figures"
    found = holdtrue("runs", "show", run, "--loop", fresh, "--logs", "--figures", out, "--json").object
    assert found["metrics"]["rows"] > 1000
    assert found["metrics"]["candidate_loss"] > 0
    assert found["parameters"] == {"depth": 3}
    assert found["logs"] == [{"step": "train", "n_printed": 8, "text": "fitting\n"}]
    assert found["installation"]["distributions"]["polars"]
    assert found["figure_files"] == [str(out / "train-curve.svg")]
    assert (out / "train-curve.svg").read_text().startswith("<svg")
    card, picture = tmp_path / "card.html", b64encode((out / "train-curve.svg").read_bytes()).decode()
    assert "curve, kept by the step train: --html FILE shows it." in holdtrue("card", fresh, "1", "--html", card).told
    assert f'<img class="kept" src="data:image/svg+xml;base64,{picture}"' in card.read_text()
    with open_project(fresh) as project:
        view = StoredView(project=project)
        ((_, figure),) = view.overview().loops[0].runs[0].figures
        assert view.read_figure(figure.artifact) == (figure, (out / "train-curve.svg").read_bytes())
        with pytest.raises(NotFound, match="--figures FOLDER"):
            view.read_figure(found["notes"][0]["log"])  # kept by the same run, and no picture
    told = holdtrue("runs", "show", run, "--loop", fresh, "--logs").told
    assert "depth = 3" in told
    assert "fitting" in told
    holdtrue("gc", fresh, "--older-than", "0s")
    holdtrue("runs", "show", run, "--loop", fresh, "--figures", tmp_path / "again")
    assert (tmp_path / "again" / "train-curve.svg").exists()


def test_without_an_id_the_newest_is_shown_and_a_wrong_one_is_told_what_is_near(holdtrue: Command, fresh: Path) -> None:
    for asked in (["show"], ["show", "abc"], ["diff"]):
        problem = holdtrue("runs", *asked, "--loop", fresh, code=2).problem
        assert problem == "there is no run of machines. Do this: run holdtrue train loop.py."
    first, second = train_twice(holdtrue, fresh)
    assert holdtrue("runs", "show", "--loop", fresh, "--json").object["run_id"] == second
    newest = holdtrue("runs", "diff", "--loop", fresh, "--json").object
    assert (newest["first"], newest["second"]) == (first, second)
    assert holdtrue("runs", "diff", first, "--loop", fresh, "--json").object == newest
    wrong = f"{first[:7]}z"
    problem = holdtrue("runs", "show", wrong, "--loop", fresh, code=2).problem
    assert f"the nearest: {first[:12]} (succeeded, " in problem
    assert "holdtrue runs lists them" in problem
    problem = holdtrue("runs", "diff", first, "no-such-run", "--loop", fresh, code=2).problem
    assert f"the newest: {second[:12]} (succeeded, " in problem
    assert f"; {first[:12]} (succeeded, " in problem


def test_a_run_that_raised_keeps_its_steps_logs_metrics_and_cost(holdtrue: Command, fresh: Path) -> None:
    failing = '    print("so far")\n    ht.note_metric("tried", 1)\n    raise ValueError("mine")\n    return Log'
    fresh.write_text(fresh.read_text().replace("    return Log", failing))
    holdtrue("train", fresh, code=3)
    (run,) = list_ids(holdtrue, fresh)
    found = holdtrue("runs", "show", run, "--loop", fresh, "--logs", "--json").object
    assert found["state"] == "failed"
    assert found["metrics"] == {"tried": 1.0}
    assert found["logs"][0]["text"] == "so far\n"
    assert found["cost"]["cpu_seconds"] > 0
    assert found["provenance"]["codes"]["train"]
    assert found["installation"]["python"].startswith("3.")


def test_two_runs_differ_in_metrics_figures_and_noted_parameters(holdtrue: Command, fresh: Path) -> None:
    noted = '    ht.note_parameter("depth", 3)\n    ht.keep_figure("curve", "<svg>3</svg>")\n    return Log'
    fresh.write_text(fresh.read_text().replace("    return Log", noted))
    holdtrue("train", fresh)
    text = fresh.read_text().replace('"depth", 3', '"depth", 4').replace("<svg>3", "<svg>4")
    fresh.write_text(text.replace("LogisticRegression()", "LogisticRegression(C=0.5)"))
    holdtrue("train", fresh, code=4)
    second, first = list_ids(holdtrue, fresh)
    found = holdtrue("runs", "diff", first, second, "--loop", fresh, "--json").object["differences"]
    named = {(each["kind"], each["name"]) for each in found}
    assert {("parameter", "depth"), ("figure", "curve"), ("metric", "candidate_loss")} <= named
    assert "installed" not in {each["kind"] for each in found}


def test_a_run_without_figures_says_how_to_keep_some(holdtrue: Command, fresh: Path, tmp_path: Path) -> None:
    holdtrue("train", fresh)
    (run,) = list_ids(holdtrue, fresh)
    problem = holdtrue("runs", "show", run, "--loop", fresh, "--figures", tmp_path / "out", code=2).problem
    assert "holdtrue.keep_figure" in problem
    assert not (tmp_path / "out").exists()
    assert "No difference is kept" in holdtrue("runs", "show", run, "--loop", fresh, "--patch").told
