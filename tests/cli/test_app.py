"""The command as a whole: every command helps, mistakes are one sentence, and exit codes are as promised."""

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from typer.core import TyperGroup
from typer.main import get_command

from cli.command import Command
from holdtrue.cli.app import COMMANDS as HOMES
from holdtrue.cli.app import make_app

GROUP = get_command(make_app())
assert isinstance(GROUP, TyperGroup), "the app has commands"
COMMANDS = sorted(GROUP.commands)
LEAVES = [
    f"{name} {inner}" if inner else name
    for name, command in sorted(GROUP.commands.items())
    for inner in (sorted(command.commands) if isinstance(command, TyperGroup) else [""])
]
DOCS = Path(__file__).parents[2] / "docs"
HAVE_NO_OBJECT = {"init", "serve", "up"}


@pytest.mark.parametrize("name", LEAVES)
def test_every_command_says_what_it_does_and_offers_an_object(holdtrue: Command, name: str) -> None:
    told = holdtrue(*name.split(), "--help").told
    assert f"holdtrue {name}" in told
    assert ("--json" in told) is (name not in HAVE_NO_OBJECT)


def test_the_help_names_every_command(holdtrue: Command) -> None:
    told = holdtrue("--help").told
    assert [name for name in COMMANDS if name not in told] == []


@pytest.mark.parametrize("arguments", [["fly"], ["check"], ["train", "loop.py", "--fast"]])
def test_a_command_that_cannot_be_meant_ends_with_2(holdtrue: Command, arguments: list[str]) -> None:
    done = holdtrue(*arguments, code=2)
    assert done.out == ""
    assert arguments[-1].strip("-") in done.problem or "argument" in done.problem.lower()


@pytest.mark.parametrize("name", ["check", "train", "tick", "status", "promote", "rollback", "backtest", "up"])
def test_a_missing_loop_file_is_named_in_one_sentence_without_a_traceback(
    holdtrue: Command, tmp_path: Path, name: str
) -> None:
    done = holdtrue(name, tmp_path / "nowhere.py", code=2)
    assert "nowhere.py" in done.problem
    assert "Traceback" not in done.problem
    assert done.out == ""


def test_a_loop_file_that_raises_is_shown_with_the_users_own_lines(holdtrue: Command, tmp_path: Path) -> None:
    (tmp_path / "loop.py").write_text("import nothing_of_that_name\n")
    problem = holdtrue("check", tmp_path / "loop.py", code=2).problem
    assert "nothing_of_that_name" in problem
    assert "importlib" not in problem


@pytest.mark.parametrize(
    ("options", "word"),
    [(["--policies", "oracle"], "oracle"), (["--policies", " , "], "static"), (["--start-share", "2"], "start_share")],
)
def test_a_backtest_that_cannot_be_meant_is_refused(
    holdtrue: Command, fresh: Path, options: list[str], word: str
) -> None:
    assert word in holdtrue("backtest", fresh, *options, code=2).problem


@pytest.mark.parametrize("name", LEAVES)
def test_every_command_stands_in_its_document_with_its_options(name: str) -> None:
    told = (DOCS / "cli.md").read_text(encoding="utf-8")
    (row,) = [line for line in told.splitlines() if line.startswith(f"| `holdtrue {name}")]
    command: click.Command = GROUP
    for word in name.split():
        assert isinstance(command, TyperGroup)
        command = command.commands[word]
    options = [option for parameter in command.params for option in parameter.opts if option.startswith("--")]
    assert [option for option in options if option not in row and option not in {"--json", "--help"}] == []


@pytest.mark.parametrize("page", ["loop.md", "rollout.md", "backtest.md", "cli.md"])
def test_the_links_of_a_page_lead_somewhere(page: str) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", (DOCS / page).read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not (DOCS / link).exists()] == []


def test_each_command_is_in_the_module_that_the_table_names():
    for name, module in HOMES.items():
        group = get_command(make_app([module]))
        assert isinstance(group, TyperGroup)
        assert name in group.commands
    assert sorted(HOMES) == COMMANDS


def test_a_command_does_not_import_what_it_does_not_need_to_begin():
    """A server nothing that trains, judges or draws; a look at a project nothing that fits a model or draws."""
    script = (
        "import sys; from holdtrue.cli.app import find_modules, make_app\n"
        "def load(*names):\n"
        "    [make_app(find_modules([name])) for name in names]\n"
        "    print(sorted({'polars', 'scipy', 'sklearn', 'altair', 'pandas'} & set(sys.modules)))\n"
        "load('serve'); load('status', 'train', 'score', 'runs')"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert told.stdout.splitlines() == ["[]", "['polars']"]
