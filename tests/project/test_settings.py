from datetime import timedelta

import pytest

from holdtrue.domain import Durability, LogPolicy, WhenFull
from holdtrue.errors import DeclarationError
from holdtrue.project import Settings, open_project, read_settings


def say(folder, text):
    (folder / "pyproject.toml").write_text(text)
    return read_settings(folder)


def test_a_project_says_how_its_log_is_kept(tmp_path):
    told = '[tool.holdtrue.log]\ndurability = "power"\nkeep = "90d"\nbudget = "20GB"\nwhen_full = "drop_oldest"\n'
    assert say(tmp_path, told).log == LogPolicy(
        durability=Durability.POWER,
        keep=timedelta(days=90),
        budget_bytes=20 * 10**9,
        when_full=WhenFull.DROP_OLDEST,
    )


@pytest.mark.parametrize("text", ["", "[project]\nname = 'x'\n", "[tool.ruff]\n", "[tool.holdtrue]\n"])
def test_what_is_not_said_is_as_by_default(tmp_path, text):
    assert read_settings(tmp_path) == say(tmp_path, text) == Settings()


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[tool.holdtrue]\nlogg = 1\n", "'logg'"),
        ("[tool.holdtrue.log]\nkep = '1d'\n", "'kep'"),
        ("[tool.holdtrue]\nlog = 3\n", "a table"),
        ("[tool]\nholdtrue = 3\n", "a table"),
        ("[tool.holdtrue", "TOML"),
    ],
)
def test_a_slip_is_refused_with_the_file_and_the_word(tmp_path, text, word):
    with pytest.raises(DeclarationError, match=word):
        say(tmp_path, text)


def test_a_guard_that_counts_money_asks_for_a_price_and_takes_that_of_the_settings(trained):
    loop_file = trained / "loop.py"
    text = loop_file.read_text().replace(
        "    train=train,\n", "    train=train,\n    guards=ht.guards(max_cost_a_month=5),\n"
    )
    loop_file.write_text(text)
    with open_project(loop_file) as project:
        with pytest.raises(DeclarationError, match=r"core_hour under \[tool.holdtrue.cost\]"):
            project.make_controller()
        say(trained, "[tool.holdtrue.cost]\ncore_hour = 0.05\n")
        assert project.make_controller().core_hour == 0.05


def test_what_the_table_says_of_serving_is_left_to_the_servers(tmp_path):
    assert say(tmp_path, "[tool.holdtrue.serving]\ntimeout_ms = 500\n") == Settings()
