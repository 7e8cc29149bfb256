from dataclasses import replace
from datetime import UTC, datetime

import pytest

from holdtrue.domain import Lineage, Loss, ModelFormat
from holdtrue.errors import DeclarationError, NotFound
from holdtrue.registry import StoredModel, point_alias, register_version, resolve_version

from .conftest import make_signature

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LINEAGE = Lineage(run_id="r1", dataset="d" * 64, trained_until=NOON, code="c" * 64)


def _register(store, *, data=b"model", lineage=LINEAGE, loop="late-flights"):
    with store.transaction() as tx:
        return register_version(
            tx,
            store.artifacts,
            loop=loop,
            stored=StoredModel(format=ModelFormat.SKOPS, data=data),
            signature=make_signature(),
            lineage=lineage,
            loss=Loss.for_classes(),
            metrics={"auc": 0.7},
            now=NOON,
        )


def test_a_version_is_registered_with_the_next_number_of_its_loop(store):
    first, second, other = _register(store), _register(store, data=b"two"), _register(store, loop="other")
    assert (first.name, second.name, other.name) == ("v1", "v2", "v1")
    assert store.artifacts.get(second.artifact) == b"two"


def test_registering_the_same_again_is_the_same_version(store):
    assert _register(store) == _register(store)
    with store.reading() as tx:
        assert len(tx.versions.all("late-flights")) == 1


def test_the_same_bytes_from_other_rows_are_another_version(store):
    assert _register(store).digest != _register(store, lineage=replace(LINEAGE, dataset="e" * 64)).digest


@pytest.mark.parametrize("name", ["champion", "v2", "2"])
def test_a_version_is_found_by_alias_and_by_number(store, name):
    _register(store)
    second = _register(store, data=b"two")
    with store.transaction() as tx:
        point_alias(tx, loop="late-flights", alias="champion", version=2, at=NOON, actor="ada", reason="first")
        assert resolve_version(tx, "late-flights", name) == second


@pytest.mark.parametrize("name", ["v9", "rival", "v0", "", "-1", "v1; drop"])
def test_a_name_that_nobody_has_lists_those_that_there_are(store, name):
    _register(store)
    with store.reading() as tx, pytest.raises(NotFound, match="v1"):
        resolve_version(tx, "late-flights", name)


def test_a_loop_without_versions_says_so(store):
    with store.reading() as tx, pytest.raises(NotFound, match="none yet"):
        resolve_version(tx, "late-flights", "champion")


def test_an_alias_keeps_its_history(store):
    _register(store)
    _register(store, data=b"two")
    with store.transaction() as tx:
        for number in (1, 2, 1):
            point_alias(tx, loop="late-flights", alias="champion", version=number, at=NOON, actor="ada", reason="why")
        assert [event.version for event in tx.aliases.history("late-flights")] == [1, 2, 1]


@pytest.mark.parametrize("alias", ["v2", "2", "Champion", "a b", ""])
def test_an_alias_cannot_look_like_a_number(store, alias):
    _register(store)
    with store.transaction() as tx, pytest.raises(DeclarationError):
        point_alias(tx, loop="late-flights", alias=alias, version=1, at=NOON, actor="ada", reason="why")


def test_an_alias_points_only_at_a_version_that_is_there(store):
    with store.transaction() as tx, pytest.raises(NotFound):
        point_alias(tx, loop="late-flights", alias="champion", version=4, at=NOON, actor="ada", reason="why")
