"""score, label, status, why, promote and rollback: what a project says when it is asked."""

import socket
from pathlib import Path

import polars as pl
import pytest

from cli.command import Command
from holdtrue import sampled


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    frame = pl.DataFrame({"event": ["a", "b"], "heat": [2.0, -2.0], "noise": [0.0, 0.0]})
    frame.write_parquet(tmp_path / "in.parquet")
    return tmp_path / "in.parquet"


def test_scoring_says_how_many_rows_which_version_and_where(
    holdtrue: Command, trained: Path, rows: Path, tmp_path: Path
) -> None:
    told = holdtrue("score", trained, rows, tmp_path / "out.csv", "--json").object
    assert told.pop("seconds") > 0
    assert told.pop("rows_a_second") > 0
    assert told == {
        **{"n_rows": 2, "n_refused": 0, "n_resumed": 0, "note": ""},
        **{"version": "v1", "path": str(tmp_path / "out.csv")},
    }
    assert pl.read_csv(tmp_path / "out.csv").height == 2
    assert "2 rows answered by v1" in holdtrue("score", trained, rows, tmp_path / "out.parquet").told


def test_scoring_before_any_training_says_what_to_do(
    holdtrue: Command, fresh: Path, rows: Path, tmp_path: Path
) -> None:
    assert "holdtrue train" in holdtrue("score", fresh, rows, tmp_path / "out.csv", code=2).problem


def test_an_answer_is_explained_by_its_id(holdtrue: Command, trained: Path, rows: Path, tmp_path: Path) -> None:
    holdtrue("score", trained, rows, tmp_path / "out.parquet")
    prediction_id = pl.read_parquet(tmp_path / "out.parquet")["prediction_id"][0]
    done = holdtrue("why", prediction_id, "--loop", trained, "--json")
    found = done.object
    assert found["prediction"]["prediction_id"] == prediction_id
    assert found["version"]["number"] == 1
    assert found["run"]["run_id"] == found["version"]["lineage"]["run_id"]
    assert "v1 answered True" in holdtrue("why", prediction_id, "--loop", trained).told
    amounts = [part["contribution"] for part in found["contributions"]["contributions"]]
    assert sum(amounts) == pytest.approx(found["contributions"]["answer"] - found["contributions"]["base"])
    assert found["contributions"]["answer"] == pytest.approx(found["prediction"]["answer"][1])
    told = holdtrue("why", prediction_id, "--loop", trained).told
    assert "Most of all, heat = " in told
    assert "█" in told
    key = found["prediction"]["key"]
    assert holdtrue("why", key, "--loop", trained, "--json").object["prediction"]["prediction_id"] == prediction_id
    assert "no-such-id" in holdtrue("why", "no-such-id", "--loop", trained, code=2).problem


def test_labels_from_a_file_are_counted_and_known_ones_only_once(
    holdtrue: Command, trained: Path, tmp_path: Path
) -> None:
    file = tmp_path / "labels.csv"
    file.write_text("key,label,at\n007,true,2024-02-20T06:00:00Z\n8,false,2024-02-20T06:00:00Z\n")
    told = holdtrue("label", file, "--loop", trained, "--json").object
    assert told == {"n_rows": 2, "n_new": 2, "n_changed": 0}
    assert "2 labels read, 0 of them new" in holdtrue("label", file, "--loop", trained).told
    file.write_text(file.read_text().replace("false", "true"))
    assert "1 of them new, 1 in place of another label" in holdtrue("label", file, "--loop", trained).told


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("label\ntrue\n", "prediction_id"),
        ("key,label\na,\nb,true\n", "empty"),
        ("key,label,at\na,true,2024-02-20T06:00:00\n", "time zone"),
    ],
    ids=["no key", "no label", "no zone"],
)
def test_labels_that_cannot_be_used_are_refused_with_the_reason(
    holdtrue: Command, trained: Path, tmp_path: Path, content: str, word: str
) -> None:
    (tmp_path / "labels.csv").write_text(content)
    assert word in holdtrue("label", tmp_path / "labels.csv", "--loop", trained, code=2).problem


def test_the_events_that_were_drawn_for_an_early_label_are_wanted_until_it_has_come(
    holdtrue: Command, trained: Path, rows: Path, tmp_path: Path
) -> None:
    assert "declares no early labels" in holdtrue("label", "--wanted", "--loop", trained, code=2).problem
    assert "no file is named" in holdtrue("label", "--loop", trained, code=2).problem
    early = 'label_delay="12h", early_labels=ht.sampled(0.5, within="1h")'
    trained.write_text(trained.read_text().replace('label_delay="12h"', early))
    names = [f"e{i}" for i in range(40)]
    frame = pl.DataFrame({"event": names, "heat": [0.0] * 40, "noise": [0.0] * 40})
    frame.write_parquet(rows)
    holdtrue("score", trained, rows, tmp_path / "out.parquet")
    found = holdtrue("label", "--wanted", "--loop", trained, "--json").object["wanted"]
    drawn = [name for name in names if sampled(0.5, within="1h").has_drawn("machines", name)]
    assert [each["key"] for each in found] == drawn
    file = tmp_path / "labels.csv"
    file.write_text(f"key,label\n{drawn[0]},true\n")
    holdtrue("label", file, "--loop", trained)
    lines = holdtrue("label", "--wanted", "--loop", trained).told.split()
    assert lines[0] == "key,answered_at,by"
    assert [line.split(",")[0] for line in lines[1:]] == drawn[1:]


def test_status_says_who_is_in_charge_and_what_was_decided(holdtrue: Command, trained: Path) -> None:
    told = holdtrue("status", trained).told
    assert "v1 is in charge" in told
    assert "install" in told
    assert "Rests most on heat (" in told
    (loop,) = holdtrue("status", trained, "--json").object["loops"]
    assert loop["champion"]["metrics"]["weight_heat"] > 0.1
    assert (loop["name"], loop["champion"]["number"], loop["challenger"]) == ("machines", 1, None)


def test_status_of_a_project_that_was_never_trained_says_that_nobody_is(holdtrue: Command, fresh: Path) -> None:
    assert "no version is in charge yet" in holdtrue("status", fresh).told


def test_status_names_the_version_on_its_way(holdtrue: Command, rolling: Path) -> None:
    told = holdtrue("status", rolling).told
    assert "v1 is in charge" in told
    assert "On its way: v2" in told


def test_a_promotion_is_ordered_with_its_reason(holdtrue: Command, rolling: Path) -> None:
    told = holdtrue("promote", rolling, "--reason", "the board wants it", "--json").object
    assert "v2" in told["sentence"]
    assert "the board wants it" in told["sentence"]
    assert "v2 is in charge" in holdtrue("status", rolling).told
    assert "v1" in holdtrue("rollback", rolling).told
    assert "v1 is in charge" in holdtrue("status", rolling).told


def test_a_rollback_stops_the_rollout_under_way(holdtrue: Command, rolling: Path) -> None:
    assert "stopped" in holdtrue("rollback", rolling, "--json").object["sentence"]
    told = holdtrue("status", rolling).told
    assert "v1 is in charge" in told
    assert "On its way" not in told


@pytest.mark.parametrize("order", ["promote", "rollback"])
def test_an_order_that_has_no_object_is_refused_and_prints_no_object(
    holdtrue: Command, trained: Path, order: str
) -> None:
    done = holdtrue(order, trained, "--json", code=2)
    assert done.out == ""
    assert done.problem


def test_serving_a_folder_without_a_project_says_what_to_do(holdtrue: Command, tmp_path: Path) -> None:
    assert "holdtrue train" in holdtrue("serve", "--folder", tmp_path, code=2).problem


def test_the_platform_says_where_to_serve_unless_the_command_does(
    holdtrue: Command, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as stranger, socket.socket() as other:
        for taken in (stranger, other):
            taken.bind(("127.0.0.1", 0))
            taken.listen()
        port, chosen = stranger.getsockname()[1], other.getsockname()[1]
        monkeypatch.setenv("PORT", str(port))
        assert f":{port}" in holdtrue("serve", "--folder", trained.parent, code=2).problem
        assert f":{chosen}" in holdtrue("serve", "--folder", trained.parent, "--port", str(chosen), code=2).problem


def test_a_variable_that_names_no_port_is_refused(
    holdtrue: Command, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIP_HTTP_PORT", "http")
    assert "AIP_HTTP_PORT is 'http'" in holdtrue("serve", "--folder", trained.parent, code=2).problem
