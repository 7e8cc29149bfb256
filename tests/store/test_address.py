"""Where the state of a project is, as the environment and the settings say."""

from pathlib import Path

import pytest

from holdtrue.errors import DeclarationError, StateConflict, StoreFailed
from holdtrue.store import Store, find_address, read_address
from holdtrue.store.address import MARK_FILE, check_mark, keep_mark

URL = "postgresql://me@db.internal/state"


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOLDTRUE_DATABASE", "HOLDTRUE_SCHEMA"):
        monkeypatch.delenv(name, raising=False)


def declare(folder: Path, *lines: str, name: str = "") -> Path:
    project = f'[project]\nname = "{name}"\n' if name else ""
    (folder / "pyproject.toml").write_text(project + "\n".join(["[tool.holdtrue.database]", *lines]))
    return folder / ".holdtrue"


def test_without_a_word_of_a_database_the_state_is_in_sqlite(tmp_path: Path) -> None:
    assert find_address(tmp_path / ".holdtrue") is None
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert find_address(tmp_path / ".holdtrue") is None


def test_the_settings_name_url_and_schema(tmp_path: Path) -> None:
    home = declare(tmp_path, f'url = "{URL}"', 'schema = "flights"')
    assert find_address(home) == read_address(URL, schema="flights")


def test_the_schema_goes_by_the_project_and_is_asked_for_where_there_is_none(tmp_path: Path) -> None:
    found = find_address(declare(tmp_path, f'url = "{URL}"', name="Late.Flights-2"))
    assert found is not None
    assert found.schema == "late_flights_2"
    with pytest.raises(DeclarationError, match="say schema under"):
        find_address(declare(tmp_path, f'url = "{URL}"'))


def test_the_environment_goes_before_the_settings_and_may_hold_a_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = declare(tmp_path, f'url = "{URL}"', 'schema = "flights"')
    monkeypatch.setenv("HOLDTRUE_DATABASE", "postgresql://me:hush@other/state?sslmode=require&sslpassword=hush")
    found = find_address(home)
    assert found is not None
    assert found.url.startswith("postgresql://me:hush@other/state")
    assert str(found) == "schema 'flights' of postgresql://***@other/state?sslmode=require&sslpassword=***"
    assert "hush" not in repr(found)
    monkeypatch.setenv("HOLDTRUE_SCHEMA", "elsewhere")
    assert "elsewhere" in str(find_address(home))


@pytest.mark.parametrize(
    "url", ["postgresql://me:hush@db/state", "postgresql://me@db/state?password=hush", "postgresql://m:hush$X@db/s"]
)
def test_a_password_in_the_file_is_refused_and_not_said_again(tmp_path: Path, url: str) -> None:
    with pytest.raises(DeclarationError, match="holds a password") as refused:
        find_address(declare(tmp_path, f'url = "{url}"', 'schema = "flights"'))
    assert "hush" not in str(refused.value)


def test_a_variable_may_stand_for_the_password(tmp_path: Path) -> None:
    assert find_address(declare(tmp_path, 'url = "postgresql://me:$WORD@db/state"', 'schema = "flights"')) is not None


@pytest.mark.parametrize(
    ("lines", "match"),
    [
        (['url = "mysql://me@db/x"', 'schema = "a"'], "is 'mysql'"),
        (['url = "no url"', 'schema = "a"'], "cannot be read"),
        (['url = "postgresql://me@db:port/x"', 'schema = "a"'], "cannot be read"),
        ([f'url = "{URL}"', 'schema = "pg_mine"'], "a name of its own"),
        ([f'url = "{URL}"', "schema = 'a\"; DROP'"], "a name of its own"),
        ([f'url = "{URL}"', "port = 5432"], "no table of texts"),
        ([f'url = "{URL}"', 'name = "x"'], "has the key 'name'"),
        (['schema = "a"'], "names no database"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, lines: list[str], match: str) -> None:
    with pytest.raises(DeclarationError, match=match):
        find_address(declare(tmp_path, *lines))


def test_a_second_state_is_not_begun_beside_the_first(tmp_path: Path) -> None:
    home, address = tmp_path / ".holdtrue", read_address("postgresql://me:hush@db/state", schema="flights")
    Store.open(home).close()
    with pytest.raises(StateConflict, match="is in SQLite, and the settings name schema 'flights'"):
        check_mark(home, address)
    (home / "holdtrue.db").unlink()
    keep_mark(home, address)
    assert "hush" not in (home / MARK_FILE).read_text()
    check_mark(home, address)
    with pytest.raises(StateConflict, match="no setting names a database"):
        Store.open(home)
    assert not (home / "holdtrue.db").exists()


def test_a_mark_that_cannot_be_read_is_a_named_failure(tmp_path: Path) -> None:
    (tmp_path / MARK_FILE).write_text("{")
    with pytest.raises(StoreFailed, match=r"database\.json cannot be read"):
        check_mark(tmp_path, None)


@pytest.mark.parametrize(
    ("url", "schema"),
    [(URL, "flight"), ("postgresql://me@db.internal/stage", "flights"), ("postgresql://me@$SERVER/state", "flights")],
    ids=["schema", "database", "server"],
)
def test_a_folder_does_not_go_on_with_another_state_than_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, schema: str
) -> None:
    monkeypatch.setenv("SERVER", "db.elsewhere")
    keep_mark(tmp_path, read_address(URL, schema="flights"))
    before = (tmp_path / MARK_FILE).read_bytes()
    found = rf"is in schema 'flights' of .*@db\.internal/state, and the settings name schema '{schema}' of .*"
    with pytest.raises(StateConflict, match=found + r"remove .*database\.json by hand") as refused:
        Store.open(tmp_path, address=read_address(url, schema=schema))
    assert "$" not in str(refused.value)
    assert [path.name for path in tmp_path.iterdir()] == [MARK_FILE]
    assert (tmp_path / MARK_FILE).read_bytes() == before


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://other:word@db.internal:5432/state?sslmode=require",
        "postgresql://$SERVER/state",
        "postgresql:///state?host=db.internal",
    ],
    ids=["user and options", "variable", "option"],
)
def test_the_same_database_may_be_named_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("SERVER", "db.internal")
    # As it was kept before users were left out.
    (tmp_path / MARK_FILE).write_text(f'{{"url": "{URL}", "schema": "flights"}}')
    address = read_address(url, schema="flights")
    for _ in range(2):
        check_mark(tmp_path, address)
        keep_mark(tmp_path, address)


def test_an_at_sign_among_the_options_is_no_hindrance(tmp_path: Path) -> None:
    address = read_address("postgresql://me@db/state?application_name=a@b:c", schema="flights")
    keep_mark(tmp_path, address)
    check_mark(tmp_path, address)
    with pytest.raises(StateConflict):
        check_mark(tmp_path, read_address("postgresql://me@db/state", schema="flights"))
