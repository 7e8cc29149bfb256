from pathlib import Path

import pytest

from holdtrue.errors import FormatRefused, SourceMissing
from holdtrue.registry import find_mlflow_model

LIGHTGBM = """
artifact_path: model
flavors:
  lightgbm:
    code: null
    data: data/model.lgb
    lgb_version: 4.6.0
    model_class: lightgbm.basic.Booster
  python_function:
    loader_module: mlflow.lightgbm
utc_time_created: '2024-01-01 00:00:00.000000'
"""


def lay(folder: Path, description: str, *files: str) -> Path:
    (folder / "MLmodel").write_text(description)
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("tree\n")
    return folder


def test_the_file_of_a_safe_flavour_is_found(tmp_path: Path) -> None:
    assert find_mlflow_model(lay(tmp_path, LIGHTGBM, "data/model.lgb")) == tmp_path / "data/model.lgb"


def test_a_flavour_without_a_name_has_its_usual_file(tmp_path: Path) -> None:
    folder = lay(tmp_path, "flavors:\n  onnx:\n    onnx_version: 1.16\n", "model.onnx")
    assert find_mlflow_model(folder) == tmp_path / "model.onnx"


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "data/../../secret", "", "[a]", "null"])
def test_a_file_outside_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret").write_text("tree\n")
    with pytest.raises(FormatRefused, match="inside the folder"):
        find_mlflow_model(lay(folder, f"flavors:\n  lightgbm:\n    data: {name or repr('')}\n"))


def test_a_link_that_leaves_the_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret").write_text("tree\n")
    (folder / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(FormatRefused, match="inside the folder"):
        find_mlflow_model(lay(folder, "flavors:\n  lightgbm:\n    data: link\n"))


@pytest.mark.parametrize(
    ("description", "word"),
    [
        ("flavors:\n  pytorch:\n    x: 1\n", "pytorch"),
        ("just text", "no flavours"),
        ("a: [", "cannot be read"),
        ("a: &a [x]\nflavors: {lightgbm: {data: m}}", "anchors"),
        ("!!python/object/apply:os.system ['true']", "cannot be read"),
    ],
)
def test_a_description_that_cannot_be_taken_is_refused(tmp_path: Path, description: str, word: str) -> None:
    with pytest.raises(FormatRefused, match=word):
        find_mlflow_model(lay(tmp_path, description))


def test_a_folder_of_something_else_and_a_missing_file_are_said(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing, match="MLmodel"):
        find_mlflow_model(tmp_path)
    with pytest.raises(SourceMissing, match=r"model\.lgb"):
        find_mlflow_model(lay(tmp_path, LIGHTGBM))
