from pathlib import Path

import pytest

from cli.command import Command
from holdtrue.cli.garbage import gc
from holdtrue.pipeline import StepCache, run_steps
from holdtrue.registry import Keyring, read_release
from holdtrue.store import Store


def scrap() -> bytes:
    return b"x" * 100_000


def list_artifacts(loop_file: Path) -> set[str]:
    with Store.open(loop_file.parent / ".holdtrue") as store:
        return {artifact.digest for artifact in store.artifacts.all()}


def cache_scrap(loop_file: Path) -> str:
    """Leave an output in the cache that no run's result, version or dataset names; return its digest."""
    with Store.open(loop_file.parent / ".holdtrue") as store:
        return run_steps([scrap], inputs={}, cache=StepCache(store)).records[0].output


def test_a_dry_run_says_what_would_go_and_throws_nothing_away(holdtrue: Command, trained: Path) -> None:
    digest, before = cache_scrap(trained), list_artifacts(trained)
    told = holdtrue("gc", trained, "--older-than", "0s", "--dry-run", "--json").object
    assert told["is_dry_run"] is True
    assert digest in told["artifacts"]
    assert told["n_bytes"] >= 100_000
    assert list_artifacts(trained) == before
    assert "would go" in holdtrue("gc", trained, "--older-than", "0s", "--dry-run").told


def test_what_nothing_names_goes_and_all_that_is_named_stays(holdtrue: Command, rolling: Path) -> None:
    digest = cache_scrap(rolling)
    with Store.open(rolling.parent / ".holdtrue") as store, store.reading() as tx:
        versions, datasets = tx.versions.all("machines"), tx.datasets.all("machines")
        keyring = Keyring.open(rolling.parent / ".holdtrue" / "keys")
        releases = [read_release(store, tx, "machines", v.number, keyring) for v in versions]
        named = {v.artifact for v in versions} | {d.digest for d in datasets} | {r.twin for r in releases if r.twin}
    assert len(named) >= 4  # two models, and what they were trained on
    told = holdtrue("gc", rolling, "--older-than", "0s", "--json").object
    left = list_artifacts(rolling)
    assert digest in told["artifacts"]
    assert digest not in left
    assert named <= left
    assert holdtrue("gc", rolling, "--older-than", "0s", "--json").object["artifacts"] == []
    assert "v1 is in charge" in holdtrue("status", rolling).told
    holdtrue("promote", rolling)
    holdtrue("rollback", rolling)


def test_the_newest_stay_as_far_as_the_budget_goes(holdtrue: Command, trained: Path) -> None:
    holdtrue("gc", trained, "--older-than", "0s")
    digest = cache_scrap(trained)
    assert holdtrue("gc", trained, "--older-than", "0s", "--budget", "99kB", "--dry-run", "--json").object[
        "artifacts"
    ] == [digest]
    kept = holdtrue("gc", trained, "--older-than", "0s", "--budget", "1MB", "--json").object
    assert (kept["artifacts"], kept["n_kept"], kept["n_kept_bytes"]) == ([], 1, 100_000)


def test_a_step_whose_output_was_thrown_away_runs_again(holdtrue: Command, trained: Path) -> None:
    cache_scrap(trained)
    holdtrue("gc", trained, "--older-than", "0s")
    with Store.open(trained.parent / ".holdtrue") as store:
        assert not run_steps([scrap], inputs={}, cache=StepCache(store)).records[0].is_cached


def test_a_budget_that_is_no_size_is_refused(holdtrue: Command, trained: Path) -> None:
    assert (
        "the size 'much' cannot be read"
        in holdtrue("gc", trained, "--older-than", "0s", "--budget", "much", code=2).problem
    )


@pytest.mark.parametrize("word", ["version", "release", "dataset"])
def test_its_help_names_what_is_never_thrown_away(word: str) -> None:
    assert word in (gc.__doc__ or "")
