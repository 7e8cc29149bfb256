"""Runs and versions are written to an MLflow tracking server, once however often, and models as MLflow loads them."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.command import Command
from cli.tracking import Tracked, tracking
from holdtrue.registry import find_mlflow_model, name_format

NOTED = (
    '    ht.note_metric("rows", data.n_rows)\n    ht.note_parameter("depth", 3)\n    print("fitting")\n'
    '    ht.keep_figure("curve", "<svg xmlns=\'http://www.w3.org/2000/svg\'/>")\n'
)


@pytest.fixture
def tracked() -> Iterator[Tracked]:
    with tracking() as server:
        yield server


@pytest.fixture
def trained(holdtrue: Command, fresh: Path) -> Path:
    fresh.write_text(fresh.read_text().replace("    return Log", f"{NOTED}    return Log"))
    holdtrue("train", fresh)
    return fresh


def test_a_run_is_written_with_all_that_it_keeps_and_its_version(
    holdtrue: Command, trained: Path, tracked: Tracked, tmp_path: Path
) -> None:
    found = holdtrue("runs", "export", "--to", tracked.uri, "--loop", trained, "--json").object
    (told,) = found["runs"]
    assert (told["version"], told["model_version"], told["is_new"]) == ("v1", "1", True)
    (run,) = tracked.runs
    metrics = {each["key"]: each["value"] for each in run["data"]["metrics"]}
    params = {each["key"]: each["value"] for each in run["data"]["params"]}
    assert {"rows", "candidate_loss", "holdtrue.cpu_seconds"} <= set(metrics)
    assert params["depth"] == "3"
    assert run["info"]["status"] == "FINISHED"
    assert tracked.aliases == {"champion": "1"}
    files = {name.removeprefix("1/r0/artifacts/"): data for name, data in tracked.files.items()}
    assert files["logs/train.txt"] == b"fitting\n"
    assert files["figures/train-curve.svg"].startswith(b"<svg")
    assert json.loads(files["run.json"])["run_id"] == told["run_id"]
    # What was written is an MLflow folder, which holdtrue itself takes again.
    for name in (name for name in files if name.startswith("model/")):
        (tmp_path / "mlflow").mkdir(exist_ok=True)
        (tmp_path / "mlflow" / name.removeprefix("model/")).write_bytes(files[name])
    model = find_mlflow_model(tmp_path / "mlflow")
    assert name_format(model.read_bytes()) in ("onnx", "skops")


def test_a_second_export_adds_nothing_and_one_cut_short_goes_on(
    holdtrue: Command, trained: Path, tracked: Tracked
) -> None:
    tracked.fails_at = "model-versions/create"
    problem = holdtrue("runs", "export", "--to", tracked.uri, "--loop", trained, code=3).told
    assert "refuses POST" in problem
    assert "made to fail" in problem
    tracked.fails_at = ""
    assert "1 runs are written" in holdtrue("runs", "export", "--to", tracked.uri, "--loop", trained).told
    before = json.dumps([tracked.runs, tracked.models])
    assert "0 runs are written" in holdtrue("runs", "export", "--to", tracked.uri, "--loop", trained).told
    assert json.dumps([tracked.runs, tracked.models]) == before
    assert len(tracked.runs) == 1
    keys = [each["key"] for each in tracked.runs[0]["data"]["metrics"]]
    assert len(keys) == len(set(keys))


def test_a_failed_run_is_written_with_its_error_and_without_a_version(
    holdtrue: Command, fresh: Path, tracked: Tracked
) -> None:
    fresh.write_text(fresh.read_text().replace("    return Log", '    raise ValueError("mine")\n    return Log'))
    holdtrue("train", fresh, code=3)
    holdtrue("runs", "export", "--to", tracked.uri, "--loop", fresh)
    (run,) = tracked.runs
    assert run["info"]["status"] == "FAILED"
    assert "mine" in next(each["value"] for each in run["data"]["tags"] if each["key"] == "holdtrue.error")
    assert tracked.models == {}


NAMES = ("a//b", "loss/", "/f1", "../x", ".", "val/./f1", "val/f1", "a/../b", "..", "...", "..c", "//", "a/b", "a%b")


def test_names_that_mlflow_does_not_take_are_told_otherwise_and_apart(
    holdtrue: Command, fresh: Path, tracked: Tracked
) -> None:
    noted = "".join(f"    ht.note_metric({name!r}, {number})\n" for number, name in enumerate(NAMES))
    fresh.write_text(fresh.read_text().replace("    return Log", f"{noted}    return Log"))
    holdtrue("train", fresh)
    holdtrue("runs", "export", "--to", tracked.uri, "--loop", fresh)
    metrics = {each["key"]: each["value"] for each in tracked.runs[0]["data"]["metrics"]}
    values = [value for name, value in metrics.items() if "holdtrue" not in name]
    assert set(range(len(NAMES))) <= set(values)
    assert (metrics["val/f1"], metrics["a/b"]) == (6, 12)


def test_a_run_that_the_server_refuses_does_not_keep_the_others_from_it(
    holdtrue: Command, fresh: Path, tracked: Tracked
) -> None:
    text = fresh.read_text()
    fresh.write_text(text.replace("    return Log", '    ht.note_metric("poison", 1)\n    return Log'))
    holdtrue("train", fresh)
    fresh.write_text(text)
    holdtrue("train", fresh, code=4)  # no row is new
    tracked.refuses = "poison"
    found = holdtrue("runs", "export", "--to", tracked.uri, "--loop", fresh, "--json", code=3).object["runs"]
    assert sorted(each["error"] is None for each in found) == [False, True]
    assert [run["info"]["status"] for run in tracked.runs if "status" in run["info"]] == ["FINISHED"]
    told = holdtrue("runs", "export", "--to", tracked.uri, "--loop", fresh, code=3).told
    refused = next(each["run_id"] for each in found if each["error"] is not None)
    assert f"The run {refused[:12]} was refused" in told


@pytest.mark.parametrize("uri", ["http://ann:hid/den@{}", "http://ann:hidden@{}", "http://hidden@{}", "ann:hidden@{}"])
def test_a_user_in_the_uri_is_refused_and_not_told(
    holdtrue: Command, trained: Path, tracked: Tracked, uri: str
) -> None:
    given = uri.format(tracked.uri.removeprefix("http://"))
    problem = holdtrue("runs", "export", "--to", given, "--loop", trained, code=2).problem
    assert "MLFLOW_TRACKING_USERNAME" in problem
    assert "hid" not in problem
    assert tracked.asked == []


def test_user_and_password_of_the_environment_say_who_asks(
    holdtrue: Command, trained: Path, tracked: Tracked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ann")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "sesame")
    holdtrue("runs", "export", "--to", tracked.uri, "--loop", trained)
    assert tracked.senders == {"Basic YW5uOnNlc2FtZQ=="}


def test_the_token_of_the_environment_says_who_asks(
    holdtrue: Command, trained: Path, tracked: Tracked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "sesame")
    holdtrue("runs", "export", "--to", tracked.uri, "--loop", trained)
    assert tracked.senders == {"Bearer sesame"}


def test_servers_that_are_none_are_not_there_or_take_no_artifacts_are_refused(
    holdtrue: Command, trained: Path, tracked: Tracked
) -> None:
    assert "a URI such as" in holdtrue("runs", "export", "--to", "mlruns", "--loop", trained, code=2).problem
    closed = holdtrue("runs", "export", "--to", "http://127.0.0.1:9", "--loop", trained, code=2).problem
    assert "cannot be reached" in closed
    tracked.artifact_scheme = "s3"
    assert "--serve-artifacts" in holdtrue("runs", "export", "--to", tracked.uri, "--loop", trained, code=2).problem
