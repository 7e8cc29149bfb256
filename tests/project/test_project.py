from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from holdtrue.domain import AliasEvent, RolloutStatus
from holdtrue.errors import NotFound, PromotionRefused, SourceMissing, StateConflict, TrainingFailed
from holdtrue.project import FOLDER, find_champion_before, open_project
from holdtrue.registry import Keyring, read_release
from holdtrue.testing.world import START
from project.small import LOOP, make_controller, opened, train


def history(*numbers: int, alias: str = "champion") -> list[AliasEvent]:
    return [AliasEvent(loop=LOOP, alias=alias, version=n, at=START, actor="a", reason="r") for n in numbers]


def read_traffic(folder: Path) -> dict[str, object]:
    told = msgspec.json.decode((folder / FOLDER / "traffic.json").read_bytes())
    (split,) = [entry for entry in _find_splits(told) if entry.get("loop") == LOOP]
    return split


def _find_splits(place: object) -> list[dict[str, object]]:
    if isinstance(place, dict):
        here = [place] if "champion" in place and "loop" in place else []
        return here + [found for value in place.values() for found in _find_splits(value)]
    return [found for value in place for found in _find_splits(value)] if isinstance(place, list) else []


def test_the_store_stands_beside_the_loop_file_wherever_one_works(
    fresh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with open_project(Path("project/loop.py")) as project:
        assert project.folder == fresh
        assert project.loop_file == fresh / "loop.py"
    assert (fresh / FOLDER).is_dir()
    assert not (tmp_path / FOLDER).exists()


def test_a_missing_loop_file_leaves_no_store_behind(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing, match=r"loop\.py"), open_project(tmp_path / "loop.py"):
        pytest.fail("it opened")
    assert list(tmp_path.iterdir()) == []


def test_a_loop_file_that_raises_leaves_no_store_behind(tmp_path: Path) -> None:
    (tmp_path / "loop.py").write_text("raise ValueError('my own mistake')\n")
    with pytest.raises(TrainingFailed, match="my own mistake"), open_project(tmp_path / "loop.py"):
        pytest.fail("it opened")
    assert not (tmp_path / FOLDER).exists()


def test_without_a_clock_of_its_own_a_project_goes_by_the_time_of_day(fresh: Path) -> None:
    with open_project(fresh / "loop.py") as project:
        assert abs(project.clock.now() - datetime.now(UTC)) < timedelta(seconds=5)


def test_what_was_decided_is_there_when_the_project_is_opened_again(fresh: Path) -> None:
    with opened(fresh) as project:
        trained = train(project)
    with opened(fresh) as project, project.store.reading() as tx:
        assert tx.aliases.current(LOOP, "champion") == trained.version == 1
        assert tx.audit.verify(LOOP) is None


def test_after_the_block_nothing_can_be_trained_any_more(fresh: Path) -> None:
    with open_project(fresh / "loop.py") as project:
        environment = project.environment
    with pytest.raises(StateConflict, match="closed"):
        environment.submit("operator:neg", 1)


def test_without_a_rollout_there_is_nothing_to_promote(trained: Path) -> None:
    with opened(trained) as project, pytest.raises(NotFound, match="no rollout"):
        project.promote()


def test_without_an_earlier_champion_there_is_nothing_to_go_back_to(trained: Path) -> None:
    with opened(trained) as project:
        with pytest.raises(NotFound, match="no earlier champion"):
            project.rollback()
        with project.store.reading() as tx:
            assert tx.aliases.current(LOOP, "champion") == 1


def test_a_person_who_promotes_ends_the_rollout_and_the_audit_says_who_and_why(rolling: Path) -> None:
    with opened(rolling, days=60) as project:
        assert "v2" in project.promote("the board wants it")
        with project.store.reading() as tx:
            assert tx.aliases.current(LOOP, "champion") == 2
            assert tx.rollouts.active(LOOP) is None
            assert tx.rollouts.all(LOOP)[-1].status is RolloutStatus.PROMOTED
            entry = tx.audit.all(LOOP)[-1]
            assert (entry.actor, entry.subject) == ("person", "v2")
            assert "the board wants it" in entry.sentence
            assert tx.audit.verify(LOOP) is None
    assert read_traffic(rolling)["champion"] == 2
    assert read_traffic(rolling)["challenger"] is None


def test_a_verdict_that_has_expired_promotes_nobody_whoever_orders_it(rolling: Path) -> None:
    with opened(rolling, days=200) as project:
        with pytest.raises(PromotionRefused, match="expired"):
            project.promote("the board wants it")
        with project.store.reading() as tx:
            assert tx.aliases.current(LOOP, "champion") == 1
            assert tx.rollouts.active(LOOP) is not None


def test_a_person_who_goes_back_during_a_rollout_stops_it_and_the_champion_stays(rolling: Path) -> None:
    with opened(rolling, days=60) as project:
        with project.store.reading() as tx:
            before = tx.traffic.read("main", LOOP)
            assert before is not None
            assert before.challenger == 2
        project.rollback("something is odd")
        with project.store.reading() as tx:
            assert tx.rollouts.all(LOOP)[-1].status is RolloutStatus.ABORTED
            assert tx.aliases.current(LOOP, "champion") == 1
    assert (read_traffic(rolling)["champion"], read_traffic(rolling)["challenger"]) == (1, None)


def test_a_person_who_goes_back_after_a_promotion_gets_the_champion_before(rolling: Path) -> None:
    with opened(rolling, days=60) as project:
        project.promote()
        assert "v1" in project.rollback()
        with project.store.reading() as tx:
            assert tx.aliases.current(LOOP, "champion") == 1
    assert read_traffic(rolling)["champion"] == 1


def test_the_champion_before_is_the_last_other_version_that_was_in_charge() -> None:
    assert find_champion_before(history(1, 2)) == 1
    assert find_champion_before(history(1, 2, 3, 2)) == 1, "going back twice goes two steps back"
    with pytest.raises(NotFound):
        find_champion_before(history(1, 2, 1))
    assert find_champion_before(history(1, 2, 3)) == 2
    assert find_champion_before(history(1, 2, 2)) == 1
    assert find_champion_before([*history(1, 2), *history(9, alias="other")]) == 1


@pytest.mark.parametrize("numbers", [(), (1,), (1, 1)])
def test_with_one_champion_there_is_none_before(numbers: tuple[int, ...]) -> None:
    with pytest.raises(NotFound, match="no earlier champion"):
        find_champion_before(history(*numbers))


def test_the_declared_fallback_travels_in_the_signed_release(fresh: Path) -> None:
    declare(fresh, 'ht.rule("CASE WHEN heat > 1 THEN .9 ELSE .1 END")')
    with opened(fresh) as project:
        train(project)
        with project.store.reading() as tx:
            release = read_release(project.store, tx, LOOP, 1, Keyring.open(project.store.folder / "keys"))
    assert release.fallback == project.loop.fallback
    assert release.fallback.text.startswith("CASE WHEN heat > 1")


@pytest.mark.parametrize("fallback", ["ht.constant(12)", 'ht.rule("speed > 3")'])
def test_a_fallback_that_cannot_answer_the_data_is_refused_before_training(fresh: Path, fallback: str) -> None:
    declare(fresh, fallback)
    with opened(fresh) as project:
        outcome = make_controller(project).train_now("ordered by the test")
        with project.store.reading() as tx:
            assert tx.versions.all(LOOP) == []
    assert "Expected" in outcome.sentence


def declare(folder: Path, fallback: str) -> None:
    declared = (folder / "loop.py").read_text()
    assert "    train=train," in declared
    (folder / "loop.py").write_text(declared.replace("    train=train,", f"    train=train,\n    fallback={fallback},"))
