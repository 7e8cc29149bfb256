"""A function of the project is taken as a feature only where it makes the same of the same row, whoever asks it."""

import importlib
import sys
import textwrap
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

import holdtrue as ht
from holdtrue.data import History, extend_history
from holdtrue.data.table import read_frame
from holdtrue.domain import Kind
from holdtrue.errors import DeclarationError, HoldtrueError, TrainingFailed
from holdtrue.loop import derive_rows
from holdtrue.loop.fitting import Fitter
from holdtrue.pipeline import MemoryCache
from holdtrue.registry import Keyring
from holdtrue.store import Artifacts

START = datetime(2024, 1, 1, tzinfo=UTC)
TABLE = ht.table("rows", time="at", label="failed", label_delay="6h", drop=["cost"])
N_ROWS = 300
Make = Callable[[str], Callable[[dict[str, object]], object]]


def make_frame() -> pl.DataFrame:
    places = range(N_ROWS)
    return pl.DataFrame(
        {
            "at": [START + timedelta(hours=i) for i in places],
            "plant": ["north" if i % 2 else "south" for i in places],
            "heat": [None if i % 50 == 7 else i / 10 for i in places],
            "n": list(places),
            "cost": [float(i) for i in places],
            "failed": [i % 3 == 0 for i in places],
        },
        schema_overrides={"at": pl.Datetime("us", "UTC")},
    )


def make_loop(features: object) -> ht.Loop:
    return ht.Loop("machines", data=TABLE, features=features)  # type: ignore[arg-type]


def derive(features: object) -> History:
    loop = make_loop(features)
    return derive_rows(read_frame(make_frame(), loop.table), loop)


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    name = f"rows_{tmp_path.name}"

    def write_module(body: str) -> Callable[[dict[str, object]], object]:
        sys.modules.pop(name, None)
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(body), encoding="utf-8")
        importlib.invalidate_caches()
        function: Callable[[dict[str, object]], object] = importlib.import_module(name).make
        return function

    yield write_module
    del sys.modules[name]


def test_the_kinds_of_columns_are_declared_or_told_by_the_rows(write: Make) -> None:
    told = derive(
        write('def make(row):\n    return {"a": row["n"], "b": row["plant"], "c": row["n"] > 3, "d": None or 1.5}')
    )
    kinds = {feature.name: feature.kind for feature in told.features}
    assert kinds == {"a": Kind.NUMBER, "b": Kind.TEXT, "c": Kind.BOOLEAN, "d": Kind.NUMBER}
    declared = """
        from dataclasses import dataclass
        import numpy as np

        @dataclass
        class Made:
            a: int
            b: str | None
            c: float

        def make(row) -> Made:
            heat = float("nan") if row["heat"] is None else np.float64(row["heat"])
            return Made(a=np.int64(row["n"]), b=None, c=heat)
    """
    frame = derive({"of rows": write(declared)}).frame
    assert frame.select("a", "b", "c").dtypes[0] == pl.Int64
    assert frame["b"].null_count() == N_ROWS
    assert frame["c"].to_list() == make_frame()["heat"].to_list()
    assert (
        derive(write('def make(row) -> dict[str, float]:\n    return {"a": row["n"]}')).frame["a"].dtype == pl.Float64
    )


def test_a_function_is_given_raw_columns_the_time_and_the_features_above_it(write: Make) -> None:
    body = """
        def make(row):
            at = row["at"]
            assert list(row) == ["plant", "heat", "n", "rate", "odd", "at"], list(row)
            assert at.tzinfo is not None and at.utcoffset().total_seconds() == 0
            row["n"] = 10**6
            return {"hour": at.hour, "both": (row["rate"] or 0) + row["odd"]}
    """
    features = {
        "rate": ht.history("7d", by="plant", of="cost").mean(),
        "odd": pl.col("n") * 2,
    }
    made = derive({**features, "more": write(body), "late": pl.col("hour") > 12})
    assert made.frame["hour"].to_list() == [i % 24 for i in range(N_ROWS)]
    assert made.frame["late"].sum() > 0
    assert [feature.name for feature in made.features] == ["rate", "odd", "hour", "both", "late"]
    assert "cost" not in made.frame.columns


REFUSED = {
    "raises": ('def make(row):\n    return {"x": row["heat"] + 1}', "raised TypeError", "the row '2024-01-01T07:00:00"),
    "exits": ("def make(row):\n    raise SystemExit(3)", "raised SystemExit: 3", "line 1"),
    "random": (
        'import random\ndef make(row):\n    return {"x": random.random()}',
        "'x' = 0.",
        "when it is asked again",
    ),
    "clock": (
        'from datetime import datetime, UTC\ndef make(row):\n    return {"x": (datetime.now(UTC) - row["at"]).days}',
        "when the clock goes by another time",
        "a server has another clock",
    ),
    "state": (
        'LAST = []\ndef make(row):\n    LAST.append(row["n"])\n    return {"x": LAST[-min(len(LAST), 2)]}',
        "'x'",
        "when it is asked again",
    ),
    "a list": ('def make(row):\n    return [row["n"]]', "returned [0] (list)", "a dict of columns"),
    "nothing": ("def make(row):\n    return {}", "returned the names []", "a name for each column"),
    "names": (
        'def make(row):\n    return {"x": 1.0} if row["n"] < 200 else {"y": 1.0}',
        "left out 'x' and returned 'y', which",
        "'2024-01-09T08:00:00",
    ),
    "kinds": (
        'def make(row):\n    return {"x": 1.0 if row["n"] < 200 else "far"}',
        "returned 'far' for 'x' of the row '2024-01-09T08:00:00",
        "values of one kind",
    ),
    "type": (
        'def make(row) -> dict[str, int]:\n    return {"x": 1.5}',
        "returned 1.5 (float) for 'x'",
        "a whole number",
    ),
    "label": ('def make(row):\n    return {"x": row["failed"]}', "KeyError: 'failed'", "a row has plant, heat, n, at"),
    "None": ('def make(row):\n    return {"x": None}', "nothing but None for 'x'", "declare what it returns"),
    "raw": ('def make(row):\n    return {"heat": 1.0}', "'heat' of make()", "another name"),
    "time": (
        "from typing import TypedDict\nfrom datetime import date\nclass M(TypedDict):\n    x: date\n"
        "def make(row) -> M:\n    return {}",
        "declares 'x'",
        "float, int, bool or str",
    ),
    "file": (
        'from pathlib import Path\nTEXT = Path(__file__).read_text()\ndef make(row):\n    return {"x": len(TEXT)}',
        "does not run by itself (NameError",
        "files that it reads",
    ),
    "made": (
        'import time\nAT = time.time()\ndef make(row):\n    return {"x": AT}',
        "is another function when its source is run by itself",
        "classes and modules alone",
    ),
    "nested": (
        "def outer():\n    def make(row):\n        return {}\n    return make\nmake = outer()",
        "does not stand at the top of a module",
        "def make_features(row)",
    ),
}


@pytest.mark.parametrize("case", sorted(REFUSED))
def test_a_function_that_would_not_come_out_the_same_is_refused_by_name(write: Make, case: str) -> None:
    body, found, more = REFUSED[case]
    function = write(body)
    with pytest.raises(HoldtrueError) as caught:
        derive(function)
    assert found in str(caught.value)
    assert more in str(caught.value)


def test_what_a_function_raises_comes_with_the_lines_of_its_author(write: Make) -> None:
    function = write('def make(row):\n    return helper(row)\n\ndef helper(row):\n    return {"x": 1 / row["n"]}')
    with pytest.raises(TrainingFailed, match="ZeroDivisionError") as caught:
        derive(function)
    text = caught.value.traceback_text
    assert 'return {"x": 1 / row["n"]}' in text
    assert "row_function.py" not in text


def test_rows_of_the_log_on_which_a_function_fails_are_left_out_and_rows_of_the_table_are_not(write: Make) -> None:
    function = write('def make(row) -> dict[str, float]:\n    return {"x": 1 / (row["n"] - 1000)}')
    loop = make_loop(function)
    history = read_frame(make_frame(), loop.table)
    log = pl.DataFrame(
        {
            "key": ["a", "b"],
            "unit": ["a", "b"],
            "time": [START + timedelta(days=20), START + timedelta(days=21)],
            "is_first": True,
            "role": "champion",
            "fallback": pl.Series([None, None], dtype=pl.String),
            "probability": 1.0,
            "features": [{"plant": "north", "heat": 1.0, "n": 1000}, {"plant": "north", "heat": 1.0, "n": 7}],
        },
        schema_overrides={"time": pl.Datetime("us", "UTC")},
    )
    labels = pl.DataFrame(schema={"key": pl.String, "label": pl.Boolean, "known_at": pl.Datetime("us", "UTC")})
    made = derive_rows(extend_history(history, log, labels), loop)
    assert made.n_rows == N_ROWS + 1
    assert made.notes[-1] == "1 rows of the prediction log, on which a function fails, were left out"


@pytest.mark.parametrize("said", [len, Path, 3, "make"])
def test_a_declaration_of_something_else_is_refused_at_once(said: object) -> None:
    with pytest.raises(DeclarationError, match=r"features=|is <class|is <built-in"):
        make_loop(said)
    with pytest.raises(DeclarationError, match="a function of one row"):
        make_loop({"x": said})


def test_an_edit_of_a_constant_that_a_function_uses_is_another_recipe(write: Make) -> None:
    body = 'SCALE = {}\n\ndef make(row):\n    """Make."""\n    return {{"x": row["n"] * SCALE}}'
    codes = []
    for text in (body.format(2), body.format(2).replace("Make.", "Says it otherwise."), body.format(3)):
        loop = ht.Loop("machines", data=TABLE, features=write(text), train=lambda data: data)
        codes.append(Fitter(loop=loop, cache=MemoryCache(), artifacts=None).codes)  # type: ignore[arg-type]
    assert set(codes[0]) == {"feature make", "train"}
    assert codes[0] == codes[1]
    assert codes[0]["feature make"] != codes[2]["feature make"]


def train(data: ht.Dataset) -> LogisticRegression:
    return LogisticRegression().fit(data.features.select("x"), data.label)


def test_an_edit_that_no_row_of_the_table_shows_trains_anew_and_one_of_a_comment_does_not(
    write: Make, tmp_path: Path
) -> None:
    body = '# {}\nFAR = {}\ndef make(row):\n    # {}\n    return {{"x": FAR if row["n"] > 10**6 else row["n"] * 1.0}}'
    cache, artifacts, ran, sources = MemoryCache(), Artifacts(tmp_path / "artifacts"), [], set()
    for said, far in (("one", 1.0), ("other", 1.0), ("other", 2.0)):
        loop = ht.Loop("machines", data=TABLE, features=write(body.format(said, far, said)), train=train)
        rows = derive_rows(read_frame(make_frame(), loop.table), loop)
        fitter = Fitter(loop=loop, cache=cache, artifacts=artifacts)
        fitter.fit(rows, until=rows.ends_at)
        ran.append([record.name for record in fitter.records if not record.is_cached])
        sources |= {each.function.source for each in rows.features if each.function is not None}
    assert ran[1:] == [[], ["train"]]
    assert len(sources) == 3


def test_a_key_of_ones_own_is_told_from_one_that_is_believed(tmp_path: Path) -> None:
    own, other = Keyring.open(tmp_path / "own"), Keyring.open(tmp_path / "other")
    signed, foreign = own.sign(b"release"), other.sign(b"release")
    (tmp_path / "own" / "other.pub").write_bytes((tmp_path / "other" / "release.pub").read_bytes())
    own.verify(b"release", foreign)
    assert own.has_signed(b"release", signed)
    assert not own.has_signed(b"release", foreign)
    assert not own.has_signed(b"another", signed)
    (tmp_path / "own" / "release.key").unlink()
    assert own.has_signed(b"release", signed)
    (tmp_path / "own" / "release.pub").unlink()
    assert not own.has_signed(b"release", signed)
