"""Words that the glossary rejects do not name things; the documents name every command."""

import re
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from holdtrue.cli.app import make_app

ROOT = Path(__file__).parents[2]
REJECTED = re.compile(
    r"^\s*(?:def|class)\s+\w*(?:endpoint|deployment|workspace|ground_truth|groundtruth)\w*",
    re.MULTILINE | re.IGNORECASE,
)


@pytest.mark.parametrize("path", sorted((ROOT / "src").rglob("*.py")), ids=lambda path: path.stem)
def test_rejected_words_name_nothing(path: Path) -> None:
    assert not REJECTED.findall(path.read_text(encoding="utf-8"))


def test_every_command_stands_in_the_readme() -> None:
    told = (ROOT / "README.md").read_text(encoding="utf-8")
    group = get_command(make_app())
    assert isinstance(group, TyperGroup)
    assert group.commands
    assert [name for name in group.commands if f"`{name}`" not in told] == []
