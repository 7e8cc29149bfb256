"""A project whose state is in PostgreSQL, from the command line, in two folders."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cli.command import Command, train_at, write_project
from holdtrue.cli.serve import TrafficCopier
from holdtrue.errors import StoreAway
from holdtrue.project import hold_control, open_project
from holdtrue.serving import read_traffic_file, write_traffic_file

CONTROL = """
import sys, time
from pathlib import Path
from holdtrue.project import hold_control
from holdtrue.store import Store
with Store.open(Path(sys.argv[1]) / ".holdtrue") as store, hold_control(store):
    with store.transaction() as tx:
        tx.states.write("half done", {}, None)
        print("held", flush=True)
        time.sleep(60)
"""


def declare(folder: Path, url: str) -> None:
    (folder / "pyproject.toml").write_text(f'[tool.holdtrue.database]\nurl = "{url}"\nschema = "journey"\n')


def test_a_loop_lives_in_postgresql_outlives_its_controller_and_is_seen_from_another_folder(
    postgres: str, tmp_path: Path, holdtrue: Command
) -> None:
    loop_file = write_project(tmp_path / "here")
    declare(loop_file.parent, postgres)
    train_at(loop_file, day=40)
    train_at(loop_file, day=59)
    assert not (loop_file.parent / ".holdtrue" / "holdtrue.db").exists()
    with open_project(loop_file) as project:
        kill_a_controller(loop_file.parent)
        with project.store.reading() as tx:
            assert tx.states.read("half done") is None
            assert tx.rollouts.active("machines") is not None
        with hold_control(project.store):  # it comes back at once, and keeps everybody else out
            there = copy_elsewhere(loop_file, tmp_path / "there")
            refused = holdtrue("tick", there, code=5)
            assert "here" in refused.problem
            assert "controls this project already" in refused.problem
        assert "v2" in holdtrue("promote", there).told
        write_traffic_file(project.store)
    assert [run["result"]["version"] for run in read_runs(holdtrue, there)] == [2, 1]
    assert "v2 is in charge" in holdtrue("status", loop_file).told
    seen = [read_traffic_file(each.parent / ".holdtrue") for each in (loop_file, there)]
    assert seen[0] is not None
    assert seen[0] == seen[1]
    assert seen[0].loops["machines"].traffic.champion == 2


def copy_elsewhere(loop_file: Path, folder: Path) -> Path:
    """What another machine has: the project, and the artifacts and keys that are shared."""
    shutil.copytree(loop_file.parent, folder, ignore=shutil.ignore_patterns(".holdtrue"))
    (folder / ".holdtrue").mkdir()
    for shared in ("artifacts", "keys"):
        (folder / ".holdtrue" / shared).symlink_to(loop_file.parent / ".holdtrue" / shared)
    return folder / "loop.py"


def kill_a_controller(folder: Path) -> None:
    """Kill -9 a process that controls the project, in the middle of a transaction."""
    process = subprocess.Popen([sys.executable, "-c", CONTROL, str(folder)], stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        process.send_signal(signal.SIGKILL)
        process.wait(10)


def read_runs(holdtrue: Command, loop_file: Path) -> list[dict[str, dict[str, int]]]:
    found: list[dict[str, dict[str, int]]] = json.loads(holdtrue("runs", "--loop", loop_file, "--json").out)["runs"]
    return found


def test_a_server_goes_on_by_its_last_traffic_while_the_database_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("psycopg")
    monkeypatch.setenv("HOLDTRUE_DATABASE", "postgresql://me:hush@127.0.0.1:1/db")
    monkeypatch.setenv("HOLDTRUE_SCHEMA", "away")
    copier = TrafficCopier(tmp_path / ".holdtrue")
    with pytest.raises(StoreAway):  # there is nothing to go on by
        copier.copy()
    (tmp_path / ".holdtrue" / "traffic.json").write_text('{"revision": 1, "loops": {}}')
    for _ in range(3):
        copier.copy()
    copier.close()
    said = capsys.readouterr().out
    assert said.count("The traffic stays as it was") == 1
    assert "does not answer" in said
    assert "hush" not in said
