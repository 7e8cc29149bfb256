import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from holdtrue.environments import Compute, RayEnvironment, find_environment, is_elsewhere, pack_project, read_compute
from holdtrue.environments.baggage import unpack_project
from holdtrue.environments.compute import VARIABLE
from holdtrue.environments.pieces import PieceFolder
from holdtrue.environments.ray_environment import name_needs
from holdtrue.errors import DeclarationError, NotFound, StateConflict


def test_compute_is_a_name_or_a_table() -> None:
    assert read_compute("ray", where="compute") == Compute(engine="ray")
    told = read_compute({"engine": "ray", "address": "10.0.0.1:6379", "at_once": 4}, where="compute")
    assert told == Compute(engine="ray", address="10.0.0.1:6379", at_once=4)
    assert read_compute({}, where="compute") == Compute()


@pytest.mark.parametrize(
    "told", ["slurm", 3, {"engine": "ray", "at_once": 1}, {"adress": "x"}, {"address": "10.0.0.1:6379"}]
)
def test_what_cannot_be_meant_is_refused_with_what_can(told: object) -> None:
    with pytest.raises(DeclarationError, match=r"^compute.*Expected: "):
        read_compute(told, where="compute")


def test_a_process_that_was_told_nothing_does_its_steps_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert not is_elsewhere()
    assert Compute().variables == {}


def test_a_cluster_without_an_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv(VARIABLE, Compute(engine="ray").variables[VARIABLE])
    with pytest.raises(DeclarationError, match="no cluster is named"):
        find_environment()


@pytest.mark.parametrize("address", ["here", "127.0.0.1:door"])
def test_an_address_without_a_port_is_refused(address: str) -> None:
    pytest.importorskip("ray")
    with pytest.raises(DeclarationError, match="host:port"):
        RayEnvironment(address)


def test_an_address_at_which_nothing_listens_is_told_at_once() -> None:
    pytest.importorskip("ray")
    with pytest.raises(StateConflict, match=r"no Ray cluster answers at 127\.0\.0\.1:1 .*ray start"):
        RayEnvironment("127.0.0.1:1")


def test_resources_get_the_names_of_ray() -> None:
    assert name_needs({}, None) == {"CPU": 1}
    assert name_needs({"cpu": 0.5, "gpu": 1, "scratch": 2}, 1 << 30) == {
        "CPU": 0.5,
        "GPU": 1,
        "scratch": 2,
        "memory": 1 << 30,
    }


def write_files(folder: Path) -> None:
    for name in ("loop.py", "parts/shares.py", "terms.json", ".env", ".venv/x.py", "env/lib.py", "__pycache__/a.pyc"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    (folder / "env" / "pyvenv.cfg").touch()
    (folder / "rows.parquet").write_bytes(bytes(2 << 20))


def test_a_project_is_sent_without_its_data_secrets_and_environments(tmp_path: Path) -> None:
    write_files(tmp_path)
    archive = pack_project(tmp_path)
    assert zipfile.ZipFile(BytesIO(archive)).namelist() == ["loop.py", "terms.json", "parts/shares.py"]
    assert pack_project(tmp_path) == archive


def test_a_project_is_laid_out_once(tmp_path: Path) -> None:
    write_files(tmp_path / "project")
    archive, there = pack_project(tmp_path / "project"), tmp_path / "there"
    there.mkdir()
    first = unpack_project(archive, there)
    assert (first / "parts" / "shares.py").read_text() == "parts/shares.py"
    assert unpack_project(archive, there) == first
    assert len(list(there.iterdir())) == 1


def test_a_folder_that_is_no_project_is_refused(tmp_path: Path) -> None:
    for i in range(2_001):
        (tmp_path / f"m{i}.py").touch()
    with pytest.raises(DeclarationError, match="holds too much"):
        pack_project(tmp_path)


def test_pieces_that_were_not_sent_are_missed_by_name(tmp_path: Path) -> None:
    pieces = PieceFolder(tmp_path)
    digest = pieces.put_bytes(b"made")
    assert (pieces.get_bytes(digest), pieces.list_made()) == (b"made", [digest])
    with pytest.raises(NotFound, match="did not come with the work"):
        pieces.get_bytes("0" * 64)
