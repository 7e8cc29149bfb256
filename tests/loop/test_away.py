"""Steps that the two machines of a Ray cluster do give what they give here, and outlive one of the machines."""

import importlib.util
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from holdtrue.backtest import run_backtest
from holdtrue.clock import VirtualClock
from holdtrue.data import read_history
from holdtrue.domain import StepRecord, Trial, Tuning, every
from holdtrue.environments import Compute, InlineEnvironment, Luggage, Progress, RayEnvironment, compute, pack_project
from holdtrue.errors import DeclarationError, StateConflict, TrainingFailed
from holdtrue.loop import TrainingLost, child, load_loop
from holdtrue.loop.away import Away
from holdtrue.loop.fitting import Fitter
from holdtrue.pipeline import StepCache, Trail
from holdtrue.project import open_project, tune_loop
from holdtrue.project.settings import Settings
from holdtrue.store import Store
from holdtrue.testing import drifting_rows
from holdtrue.testing.cluster import MACHINE, SIDE, TwoMachines
from holdtrue.testing.world import START

pytestmark = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed")

PIPELINE = Path(__file__).with_name("sample_away.py").read_text(encoding="utf-8")
NOW = START + (drifting_rows(n_days=1)["at"][-1] - START) * 40
WORK = Path(__file__).parents[1] / "environments"


@pytest.fixture(scope="module")
def cluster() -> Iterator[TwoMachines]:
    with TwoMachines() as cluster:
        before = {name: os.environ.get(name) for name in cluster.variables}
        os.environ.update(cluster.variables)
        yield cluster
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def join(address: str, *, patience_seconds: float = 60.0) -> RayEnvironment:
    """Join a cluster that may be so new, or this computer so busy, that it does not answer yet."""
    deadline = time.monotonic() + patience_seconds
    while True:
        try:
            return RayEnvironment(address)
        except StateConflict:
            if time.monotonic() >= deadline:
                raise


@pytest.fixture(scope="module")
def machines(cluster: TwoMachines) -> Iterator[RayEnvironment]:
    import ray

    environment = join(cluster.address)
    yield environment
    environment.close()
    ray.shutdown()


@pytest.fixture
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give where steps note that they begin: the same for all tests, so that all send the same project, and empty."""
    path = tmp_path_factory.getbasetemp() / "journal"
    for old in path.parent.glob("journal*"):
        old.unlink()
    return path


def write_project(folder: Path, journal: Path, text: str = PIPELINE) -> Path:
    folder.mkdir(exist_ok=True)
    drifting_rows(n_days=60, rows_a_day=40, turns_on_day=60).write_parquet(folder / "rows.parquet")
    (folder / "shares.py").write_text("SHARE = 1.0\n")
    path = folder / "loop.py"
    path.write_text(text.replace("'MACHINE'", repr(MACHINE)).replace("JOURNAL", str(journal)))
    return path


def fit(
    loop_file: Path,
    environment: RayEnvironment | None,
    *,
    codes: str | None = None,
    trail: Trail | None = None,
    newest: int = 600,
) -> list[StepRecord]:
    """Fit once, on the cluster or here, and return the records of the steps; `newest` is what a tuning has found."""
    with Store.open(loop_file.parent / ".holdtrue") as store:
        loop = load_loop(loop_file)
        loop = replace(loop, parameters={**loop.parameters, "newest": newest})
        trail = Trail() if trail is None else trail
        fitter = Fitter(loop=loop, cache=StepCache(store), artifacts=store.artifacts, trail=trail)
        if codes is not None:
            fitter.provenance = replace(fitter.provenance, codes=dict.fromkeys(fitter.codes, codes))
        if environment is not None:
            fitter.place = Away(lambda: environment, loop_file, fitter.provenance.libraries)
        known = read_history(fitter.loop.table, folder=loop_file.parent, task=None, schema=None).known_at(NOW)
        fitter.fit(known, until=NOW)
    return fitter.records


def read_kept(loop_file: Path, digest: str | None) -> bytes:
    """Return what stands in the store of a project under a digest."""
    with Store.open(loop_file.parent / ".holdtrue") as store:
        return store.artifacts.get(digest or "")


def read_journal(path: Path) -> list[tuple[str, str]]:
    lines = path.read_text().splitlines() if path.exists() else []
    return [(line.split()[0], line.split()[1]) for line in lines]


def test_a_fit_on_two_machines_gives_the_digests_of_a_local_one(
    tmp_path: Path, journal: Path, machines: RayEnvironment
) -> None:
    locally, away = Trail(), Trail()
    here = fit(write_project(tmp_path / "here", journal), None, trail=locally)
    journal.unlink()
    loop_file, meet = write_project(tmp_path / "there", journal), journal.with_name("journal.meet")
    meet.touch()  # each of two steps waits until the other has begun, as they can on two machines alone
    there = fit(loop_file, machines, trail=away)
    meet.unlink()
    assert [(step.name, step.key, step.output) for step in there] == [
        (step.name, step.key, step.output) for step in here
    ]
    assert not any(step.is_cached for step in there)
    where = {machine for name, machine in read_journal(journal) if name in {"spread", "weigh"}}
    assert where == {"head", "side"}
    assert list(away.notes.items()) == list(locally.notes.items())
    spread = {notes.step: notes for notes in away.notes.values()}["spread"]
    assert spread.metrics == {"rows": 600.0}
    assert read_kept(loop_file, spread.log) == b"spreading 600\n"
    assert read_kept(loop_file, spread.figures[0].artifact).startswith(b"<svg")


def test_parameters_that_a_tuning_has_found_reach_the_machines(
    tmp_path: Path, journal: Path, machines: RayEnvironment
) -> None:
    trail = Trail()
    fit(write_project(tmp_path / "tuned", journal), machines, trail=trail, newest=400)
    told = {notes.step: notes for notes in trail.notes.values()}
    assert told["rows"].parameters == {"newest": 400}
    assert told["spread"].metrics == {"rows": 400.0}


def test_what_was_done_here_is_not_done_there_again(tmp_path: Path, journal: Path, machines: RayEnvironment) -> None:
    loop_file = write_project(tmp_path / "one", journal)
    fit(loop_file, None)
    trail = Trail()
    assert all(record.is_cached for record in fit(loop_file, machines, trail=trail))
    assert [notes.step for notes in trail.notes.values()] == ["rows", "spread"]


class Killed(BaseException):
    """Stands for the end of the process."""


@contextmanager
def working_inline(machines: RayEnvironment | None) -> Iterator[None]:
    """Have what is done in child processes done in this one, with its steps on the cluster where one is given."""
    settings = Compute(engine="ray", address="10.0.0.1:6379")
    with pytest.MonkeyPatch.context() as patch:
        for module in ("project.project", "backtest.run"):
            patch.setattr(f"holdtrue.{module}.ProcessEnvironment", OneProcess)
        if machines is not None:
            # Not in a file: a machine begins anew for other files, and all tests send the same.
            patch.setattr("holdtrue.project.tryouts.read_settings", lambda _: Settings(compute=settings))
            patch.setitem(compute._found, settings.variables[compute.VARIABLE], machines)
            patch.setenv(compute.VARIABLE, settings.variables[compute.VARIABLE])
        try:
            yield
        finally:
            for trainer in child._trainers.values():
                trainer.store.close()
            child._trainers.clear()


class OneProcess(InlineEnvironment):
    """The environment that is at hand, in the place of children."""

    def __init__(self, **_: object) -> None: ...

    def __enter__(self) -> "OneProcess":
        return self

    def __exit__(self, *_: object) -> None: ...


def tune(
    loop_file: Path,
    machines: RayEnvironment | None,
    *,
    n_trials: int | None = None,
    on_trial: Callable[[int, int], None] = lambda done, total: None,
) -> Tuning:
    """Tune two trials at a time, with their steps on the cluster or here."""
    with working_inline(machines), open_project(loop_file, clock=VirtualClock(NOW)) as project:
        return tune_loop(project, n_parallel=2, n_trials=n_trials, on_trial=on_trial)


def tell_trial(trial: Trial) -> dict[str, object]:
    """Return what a trial was and found, without what it took."""
    return {name: value for name, value in asdict(trial).items() if not name.endswith(("seconds", "bytes"))}


def test_trials_on_two_machines_are_those_of_a_local_tuning_killed_or_not(
    tmp_path: Path, journal: Path, machines: RayEnvironment
) -> None:
    here = tune(write_project(tmp_path / "here", journal), None)
    assert {machine for _, machine in read_journal(journal)} == {"None"}
    journal.unlink()
    loop_file = write_project(tmp_path / "there", journal)

    def end_early(done: int, _: int) -> None:
        if done == 2:
            raise Killed

    with pytest.raises(Killed):
        tune(loop_file, machines, on_trial=end_early)
    before = len(read_journal(journal))
    there = tune(loop_file, machines)
    assert [tell_trial(trial) for trial in there.trials] == [tell_trial(trial) for trial in here.trials]
    assert (there.parameters, there.proof) == (here.parameters, here.proof)
    assert {machine for _, machine in read_journal(journal)} == {"head", "side"}
    # What is left of three trials: a third, with two fits of three steps that say so, and the proof's two fits.
    assert len(read_journal(journal)) - before <= 4 * 3


def test_policies_of_a_backtest_that_machines_train_are_those_of_a_local_one(
    tmp_path: Path, journal: Path, machines: RayEnvironment
) -> None:
    found = {}
    for name, environment in (("here", None), ("there", machines)):
        loop_file = write_project(tmp_path / name, journal)
        journal.unlink(missing_ok=True)
        with working_inline(environment):
            found[name] = run_backtest(
                load_loop(loop_file), folder=tmp_path / name, loop_file=loop_file, policies=["static", "schedule"],
                start_share=0.9, schedule=every("4 days"),
            )  # fmt: skip
    assert found["there"].policies == found["here"].policies
    assert {machine for _, machine in read_journal(journal)} == {"head", "side"}


def test_a_step_that_raises_shows_its_own_traceback_and_what_it_printed(
    tmp_path: Path, journal: Path, machines: RayEnvironment
) -> None:
    loop_file = write_project(tmp_path / "broken", journal)
    journal.with_name("journal.break").touch()
    trail = Trail()
    with pytest.raises(TrainingFailed) as caught:
        fit(loop_file, machines, trail=trail)
    assert trail.records[0].name == "rows"
    broken = list(trail.notes.values())[-1]
    assert (broken.step, read_kept(loop_file, broken.log)) == ("weigh", b"on the way\n")
    told = caught.value.traceback_text
    assert 'raise ValueError("no weight today")' in told
    assert "This was raised in the step weigh" in told
    assert "The last that it printed:\non the way" in told
    assert "holdtrue/environments" not in told
    journal.with_name("journal.break").unlink()
    assert next(record.name for record in fit(loop_file, machines) if record.is_cached) == "rows"


def test_resources_that_no_machine_has_are_refused_at_once(
    tmp_path: Path, journal: Path, machines: RayEnvironment
) -> None:
    wide = PIPELINE.replace("def rows", '@ht.step(resources={"cpu": 64})\ndef rows')
    with pytest.raises(DeclarationError, match=r"no machine of the Ray cluster has 64 cpu\. Expected: no more than"):
        fit(write_project(tmp_path / "wide", journal, wide), machines)


def test_a_machine_with_other_code_refuses_the_step(tmp_path: Path, journal: Path, machines: RayEnvironment) -> None:
    with pytest.raises(StateConflict, match="would do the step rows with other code"):
        fit(write_project(tmp_path / "other", journal), machines, codes="0" * 64)


def test_progress_and_deaths_are_told_as_by_a_local_child(machines: RayEnvironment) -> None:
    luggage = Luggage(project=pack_project(WORK))
    heard: list[Progress] = []
    done = machines.submit("sample_work:count", 20, luggage=luggage, on_progress=heard.append)
    assert done.result(timeout=30) == 20
    assert heard[-1] == Progress(done=20, total=20, text="rows")
    with pytest.raises(TrainingFailed, match="SIGABRT"):
        machines.submit("sample_work:kill_self", "SIGABRT", luggage=luggage).result(timeout=30)
    with pytest.raises(TrainingFailed, match=r"0\.3 seconds"):
        machines.submit("sample_work:sleep", 30, timeout_seconds=0.3, luggage=luggage).result(timeout=30)


def test_work_that_is_interrupted_fails_and_the_machine_does_the_next(machines: RayEnvironment) -> None:
    luggage = Luggage(project=pack_project(WORK))
    asleep = machines.submit("sample_work:sleep", 60, luggage=luggage)
    deadline = time.monotonic() + 30
    while not asleep.done() and time.monotonic() < deadline:
        machines.interrupt()  # does nothing before a machine has begun
        time.sleep(0.1)
    with pytest.raises(StateConflict, match="stopped before it was done"):
        asleep.result(timeout=0)
    assert machines.submit("sample_work:count", 3, luggage=luggage).result(timeout=30) == 3


def test_a_missing_token_is_told_with_what_to_do(tmp_path: Path, cluster: TwoMachines) -> None:
    code = (
        "import sys\nfrom holdtrue.environments import RayEnvironment\nfrom holdtrue.errors import StateConflict\n"
        "try:\n    RayEnvironment(sys.argv[1])\nexcept StateConflict as refusal:\n    print(refusal)\n"
    )
    variables = {**os.environ, "RAY_AUTH_TOKEN_PATH": str(tmp_path / "nothing")}
    command = [sys.executable, "-c", code, cluster.address]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60, check=False)
    assert "is missing or another" in done.stdout, done.stderr
    assert "RAY_AUTH_TOKEN_PATH" in done.stdout


def test_killing_a_machine_amid_a_trial_runs_again_only_what_it_held(
    tmp_path: Path, journal: Path, machines: RayEnvironment, cluster: TwoMachines
) -> None:
    loop_file = write_project(tmp_path / "lost", journal)
    hold = journal.with_name("journal.hold")
    hold.touch()
    outcome: list[Tuning] = []
    thread = threading.Thread(target=lambda: outcome.append(tune(loop_file, machines, n_trials=1)))
    thread.start()
    deadline = time.monotonic() + 30
    while len(read_journal(journal)) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    held = {name for name, machine in read_journal(journal) if machine == SIDE and name != "rows"}
    assert len(held) == 1
    cluster.kill(SIDE)
    hold.unlink()
    thread.join(timeout=60)
    (trial,) = outcome[0].trials
    assert len(trial.losses) == 2
    # One fit before each fold and one before the proof, which is the declared parameters' too.
    times = Counter(name for name, _ in read_journal(journal))
    assert times == {"rows": 3, "spread": 3, "weigh": 3} | dict.fromkeys(held, 4)


def test_a_training_whose_cluster_does_not_answer_says_so(tmp_path: Path, journal: Path) -> None:
    loop_file = write_project(tmp_path / "alone", journal)
    settings = '[tool.holdtrue]\ncompute = {engine = "ray", address = "127.0.0.1:1"}\n'
    (tmp_path / "alone" / "pyproject.toml").write_text(settings)
    with open_project(loop_file, clock=VirtualClock(NOW)) as project:
        lost = project.make_controller().train_now("ordered by the test")
    assert isinstance(lost, TrainingLost)
    assert "no Ray cluster answers at 127.0.0.1:1" in lost.sentence
