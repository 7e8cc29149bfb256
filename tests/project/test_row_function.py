"""A function of the project makes the same columns in training, in batches and in service, after an edit too."""

import shutil
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from holdtrue.clock import VirtualClock
from holdtrue.data import read_frame, read_history, take_rows
from holdtrue.domain import Traffic, constant
from holdtrue.environments import InlineEnvironment
from holdtrue.errors import FormatRefused, NotFound
from holdtrue.loop import Trained, child, derive_rows, hold_functions
from holdtrue.project import Project, compare_versions, explain_prediction, open_project, score_file
from holdtrue.registry import Keyring, has_own_release
from holdtrue.serving import answer_rows, read_traffic_file, write_traffic_file
from holdtrue.serving.answer.loaded import LoadedVersion, ServedLoop, load_version
from holdtrue.serving.answer.router import Router
from holdtrue.serving.fast.plain_loop import make_plain_loop
from holdtrue.serving.request.place import RowPlace
from holdtrue.testing.world import START
from project.small import ask_lean_process, read_log
from project.test_features import N_DAYS, NOW, ask, make_rows

PACKAGE = "machine_rows"
LOOP = f"""import polars as pl
from sklearn.ensemble import HistGradientBoostingClassifier

import holdtrue as ht
from {PACKAGE}.features import make_features


def train(data: ht.Dataset) -> HistGradientBoostingClassifier:
    assert {{"hot", "place", "is_late", "worse"}} <= set(data.features.columns)
    model = HistGradientBoostingClassifier(max_iter=10, categorical_features="from_dtype")
    return model.fit(data.features, data.label)


loop = ht.Loop(
    "machines",
    data=ht.table("rows.parquet", key="event", time="at", label="failed", label_delay="12h", drop=["cost"]),
    features={{
        "cost_7d": ht.history("7d", by="plant", of="cost").mean(),
        "more": make_features,
        "worse": pl.col("hot") * 2,
    }},
    train=train,
    validate=[ht.beats_baseline()],
    retrain=ht.every(days=10),
)
"""
TABLES = 'FACTORS = {"north": 2.0, "south": 3.0}\nFACTORS["west"] = 4.0\n'
FEATURES = '''"""Features of a machine."""

import math
from typing import TypedDict

import polars

from .tables import FACTORS


class Made(TypedDict):
    hot: float
    place: str | None
    is_late: bool
    cost: float | None


def make_features(row: dict[str, object]) -> Made:
    if row["noise"] == 77.0:
        raise ValueError("too noisy")
    return {
        "hot": row["heat"] * FACTORS.get(row["plant"], 1.0),
        "place": row["plant"] and row["plant"][:1],
        "is_late": row["at"].hour >= 18,
        "relative": None if row["cost_7d"] is None else math.log1p(row["cost_7d"]),
    }


def show(frame: polars.DataFrame) -> None:
    print(frame)
'''.replace("    cost: float", "    relative: float")


NAMES = frozenset(("event", "at"))


def make_costs(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(cost=pl.col("heat").abs() * 10 + pl.col("failed").cast(pl.Float64))


def write_package(folder: Path, *, factor: float = 4.0) -> None:
    package = folder / PACKAGE
    package.mkdir(exist_ok=True)
    (package / "__init__.py").touch()
    (package / "tables.py").write_text(TABLES.replace("4.0", str(factor)), encoding="utf-8")
    (package / "features.py").write_text(FEATURES, encoding="utf-8")
    (folder / "loop.py").write_text(f"{LOOP}# {factor}\n", encoding="utf-8")


def forget_package() -> None:
    """Do what a new process does: import the package anew."""
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]
    for trainer in child._trainers.values():
        trainer.store.close()
    child._trainers.clear()
    shutil.rmtree(Path(str(sys.path[0])) / PACKAGE / "__pycache__", ignore_errors=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    place = tmp_path_factory.mktemp("functions")
    make_costs(make_rows()).filter(pl.col("at") <= NOW).write_parquet(place / "rows.parquet")
    write_package(place)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "dont_write_bytecode", True)
        yield place
    forget_package()
    while str(place) in sys.path:
        sys.path.remove(str(place))


@pytest.fixture(scope="module")
def project(folder: Path) -> Iterator[Project]:
    """Return a project with v1 in charge, and v2, of a package that was edited since, beside it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("holdtrue.project.project.ProcessEnvironment", lambda **_: InlineEnvironment())
        for number, factor, now in ((1, 4.0, NOW - timedelta(days=15)), (2, 5.0, NOW)):
            write_package(folder, factor=factor)
            forget_package()
            with open_project(folder / "loop.py", clock=VirtualClock(now)) as opened:
                trained = opened.make_controller().train_now("ordered by the test")
                assert isinstance(trained, Trained)
                assert trained.version == number, trained.sentence
                write_traffic_file(opened.store)
        with open_project(folder / "loop.py", clock=VirtualClock(NOW)) as opened:
            yield opened


def load(project: Project, number: int) -> LoadedVersion:
    file = read_traffic_file(project.store.folder)
    assert file is not None
    return load_version(file.loops["machines"].versions[number], folder=project.store.folder)


def answer(loaded: LoadedVersion, rows: list[dict[str, object]]) -> np.ndarray:
    read = [loaded.read(row, RowPlace(i), known=NAMES, time=NOW.timestamp() + i).values for i, row in enumerate(rows)]
    return loaded.answer(read)[:, 1]


def later_rows(n_rows: int = 60) -> pl.DataFrame:
    return make_rows().filter(pl.col("at") > NOW).head(n_rows)


def test_what_a_server_answers_is_what_training_would_have_made_of_the_row(project: Project, folder: Path) -> None:
    later = later_rows()
    replies = list(answer_rows(project.store.folder, "machines", ask(later)))
    assert not any("error" in reply for reply in replies), replies[0]
    online = np.array([list(reply["answer"]["probabilities"].values()) for reply in replies])

    (name,) = {reply["version"] for reply in replies}
    loaded = load(project, int(name[1:]))
    signature = loaded.release.version.signature
    known = derive_rows(read_history(project.loop.table, folder=folder), project.loop)
    rows = read_frame(make_costs(later), project.loop.table)
    # The day of the requests has begun, and its next refresh has not: what training gathers for them is what is served.
    asked = rows.rows(until=START + timedelta(days=N_DAYS + 1))
    taken = take_rows(asked, signature, known=hold_functions(known, project.store, loaded.release.version))
    assert taken["cost_7d"].null_count() < taken.height
    assert taken.height > 20
    np.testing.assert_allclose(online[: taken.height], loaded.scorer.score(taken), rtol=0, atol=1e-6)
    for plain, row, at in zip(ask(later), taken.iter_rows(named=True), later["at"], strict=False):
        opened = loaded.read(plain, RowPlace(0), known=NAMES, time=at.timestamp())
        assert dict(zip(signature.schema.names, loaded.finish(opened.values), strict=True)) == row


def test_two_versions_of_a_function_answer_side_by_side_and_a_later_edit_changes_neither(
    project: Project, folder: Path
) -> None:
    west = [row for row in ask(later_rows()) if row["plant"] == "west"]
    first, second = load(project, 1), load(project, 2)
    made = [
        dict(zip(each.release.version.signature.schema.names, finish(each, west[0]), strict=True))
        for each in (first, second)
    ]
    assert made[0]["hot"] == west[0]["heat"] * 4.0  # type: ignore[operator]
    assert made[1]["hot"] == west[0]["heat"] * 5.0  # type: ignore[operator]
    before = answer(first, west), answer(second, west)
    text = (folder / PACKAGE / "features.py").read_text(encoding="utf-8")
    (folder / PACKAGE / "features.py").write_text("raise RuntimeError\n", encoding="utf-8")
    try:
        for number, wanted in enumerate(before, start=1):
            np.testing.assert_array_equal(answer(load(project, number), west), wanted)
    finally:
        (folder / PACKAGE / "features.py").write_text(text, encoding="utf-8")


def finish(loaded: LoadedVersion, row: dict[str, object]) -> Sequence[object]:
    return loaded.finish(loaded.read(row, RowPlace(0), known=NAMES, time=NOW.timestamp()).values)


def test_a_batch_is_answered_as_the_server_answers_and_rows_that_a_function_fails_on_fail_alone(
    project: Project, tmp_path: Path
) -> None:
    later = later_rows(30)
    later = later.with_columns(noise=pl.when(pl.col("event") == pl.col("event").max()).then(77.0).otherwise("noise"))
    later.drop("failed").write_parquet(tmp_path / "in.parquet")
    score_file(project, tmp_path / "in.parquet", tmp_path / "out.parquet")
    out = pl.read_parquet(tmp_path / "out.parquet")
    replies = list(answer_rows(project.store.folder, "machines", ask(later)))
    failed = [reply for reply in replies if "error" in reply]
    assert len(failed) == 1
    assert failed[0]["error"]["code"] == "model_failed"
    assert "make_features() raised ValueError: too noisy" in failed[0]["error"]["message"]
    (told,) = out["error"].drop_nulls()
    assert told.startswith("model_failed: make_features (features.py (kept in ")
    assert "raised ValueError: too noisy" in told
    answered = [reply["answer"]["probabilities"]["true"] for reply in replies if "error" not in reply]
    assert answered == pytest.approx(out["p_True"].drop_nulls().to_list())


def test_why_tells_of_the_computed_columns(project: Project, folder: Path) -> None:
    row = ask(later_rows(1))[0] | {"event": "why"}
    list(answer_rows(project.store.folder, "machines", [row]))
    prediction = next(each for each in read_log(folder) if each.key == "why")
    assert set(prediction.features) == {"plant", "heat", "noise", "cost_7d"}
    parts = {part.feature for part in explain_prediction(project, prediction).parts}
    assert {"hot", "place", "relative", "worse"} <= parts


def test_versions_of_two_functions_can_be_compared(project: Project, folder: Path) -> None:
    rows = make_costs(make_rows())
    rows.write_parquet(folder / "rows.parquet")
    try:
        with open_project(folder / "loop.py", clock=VirtualClock(NOW + timedelta(days=3))) as opened:
            compared = compare_versions(opened, "1", "2")
    finally:
        rows.filter(pl.col("at") <= NOW).write_parquet(folder / "rows.parquet")
    assert compared.sentence


def patch_champion(patch: pytest.MonkeyPatch, change: Callable[[LoadedVersion], LoadedVersion]) -> None:
    def load_changed(*given: Any, **named: Any) -> LoadedVersion:
        return change(load_version(*given, **named))

    patch.setattr("holdtrue.serving.answer.engine.load_version", load_changed)


def test_a_fallback_answers_a_row_that_a_function_fails_on(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def declare(loaded: LoadedVersion) -> LoadedVersion:
        return replace(loaded, release=replace(loaded.release, fallback=constant(False)))

    patch_champion(monkeypatch, declare)
    row = ask(later_rows(1))[0]
    good, bad = answer_rows(project.store.folder, "machines", [row, row | {"event": "loud", "noise": 77.0}])
    assert "fallback" not in good
    assert bad["fallback"].startswith("constant: v2 failed: make_features() raised ValueError: too noisy")


def test_a_function_that_takes_too_long_is_late_as_a_model_is(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_over = threading.Event()

    def slow_down(loaded: LoadedVersion) -> LoadedVersion:
        return replace(loaded, functions=dict.fromkeys(loaded.functions, lambda _: is_over.wait(20)))

    patch_champion(monkeypatch, slow_down)
    monkeypatch.setattr(Router.__init__, "__kwdefaults__", {"timeout_seconds": 0.2})
    (reply,) = answer_rows(project.store.folder, "machines", release_after(is_over, ask(later_rows(1))))
    assert reply["error"]["code"] == "deadline_passed"


def release_after(is_over: threading.Event, rows: list[dict[str, object]]) -> Iterator[dict[str, object]]:
    yield from rows
    threading.Timer(1.0, is_over.set).start()


def test_a_worker_runs_a_function_without_dataframes_though_its_module_imports_them(project: Project) -> None:
    assert ask_lean_process(project, ask(later_rows(1))[0]) == "(1, 2)"


def move_to_another_place(project: Project, place: Path) -> None:
    """Copy the state to a place that believes this project's key, and has none or another of its own."""
    for name in ("artifacts", "lookups"):
        shutil.copytree(project.store.folder / name, place / name)
    (place / "keys").mkdir()
    shutil.copy(project.store.folder / "keys" / "release.pub", place / "keys" / "elsewhere.pub")


def test_code_that_another_place_has_signed_is_not_run_and_the_installed_must_be_the_same(
    project: Project, tmp_path: Path
) -> None:
    move_to_another_place(project, tmp_path)
    file = read_traffic_file(project.store.folder)
    assert file is not None
    pointers = file.loops["machines"].versions
    # Installed is the package of v2.
    row = ask(later_rows(3))
    loaded = load_version(pointers[2], folder=tmp_path)
    np.testing.assert_array_equal(answer(loaded, row), answer(load(project, 2), row))
    assert sys.modules[f"{PACKAGE}.features"].make_features in loaded.functions.values()
    with pytest.raises(FormatRefused, match=r"signed elsewhere.*deploy the package of machine_rows.features"):
        load_version(pointers[1], folder=tmp_path)
    shutil.copy(project.store.folder / "keys" / "release.pub", tmp_path / "keys" / "release.pub")
    np.testing.assert_array_equal(
        answer(load_version(pointers[1], folder=tmp_path), row), answer(load(project, 1), row)
    )


def test_rows_for_a_function_never_wait_on_the_event_loop(project: Project) -> None:
    loaded = load(project, 2)
    traffic = Traffic(service="main", loop="machines", revision=1, salt="salt", champion=2, decided_at=NOW)
    assert loaded.pace.is_fast
    assert not loaded.is_fast
    assert make_plain_loop(ServedLoop(traffic, {2: loaded})) is None


def test_code_that_only_the_database_names_is_not_run(project: Project) -> None:
    keyring = Keyring.open(project.store.folder / "keys")
    with project.store.reading() as tx:
        version = tx.versions.read("machines", 1)
        assert has_own_release(project.store, tx, version, keyring)
        features = tuple(
            each if each.function is None else replace(each, function=replace(each.function, source="0" * 64))
            for each in version.signature.features
        )
        forged = replace(version, signature=replace(version.signature, features=features))
        assert forged.signature == version.signature
        assert not has_own_release(project.store, tx, forged, keyring)


def test_a_version_of_a_function_that_is_not_at_hand_is_no_guess(project: Project, folder: Path) -> None:
    with project.store.reading() as tx:
        version = tx.versions.read("machines", 1)
    known = derive_rows(read_history(project.loop.table, folder=folder), project.loop)
    with pytest.raises(NotFound, match="not at hand"):
        take_rows(known, version.signature, known=known)
