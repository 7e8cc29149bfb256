from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from holdtrue.domain import ActionRule, Lineage, Loss, ModelFormat, Release, RolloutPlan, encode_canonically
from holdtrue.errors import NotFound, StateConflict, StoreFailed
from holdtrue.registry import (
    Keyring,
    StoredModel,
    open_release,
    publish_release,
    read_release,
    register_version,
)

from .conftest import make_signature

NOON = datetime(2026, 3, 1, 12, 0, 0, 125, tzinfo=UTC)


@pytest.fixture
def keyring(store):
    return Keyring.open(store.folder / "keys")


def _register(store, data=b"model", loop="late-flights"):
    with store.transaction() as tx:
        return register_version(
            tx,
            store.artifacts,
            loop=loop,
            stored=StoredModel(format=ModelFormat.SKOPS, data=data),
            signature=make_signature(),
            lineage=Lineage(run_id="r1", dataset="d" * 64, trained_until=NOON, code="c" * 64),
            loss=Loss.for_classes(),
            metrics={},
            now=NOON,
        )


def _release(version):
    return Release(
        loop=version.loop,
        version=version,
        action_rule=ActionRule(actions=("warn", "wait"), worth=((-3.0, 12.0), (0.0, 0.0)), otherwise=1),
        plan=RolloutPlan(stages=(), note="gate only"),
        verdict_ids=("a", "b"),
        evaluation="e" * 64,
        sample=({"age": 40.5, "place": None, "visits": 3, "is_new": True},),
        sample_answers=((0.25, 0.75),),
        created_at=NOON + timedelta(hours=1),
    )


def test_a_published_release_is_read_again_as_it_was(store, keyring):
    release = _release(_register(store))
    with store.transaction() as tx:
        digest = publish_release(store, tx, release, keyring)
    with store.reading() as tx:
        assert read_release(store, tx, "late-flights", 1, Keyring.open(store.folder / "keys")) == release
    assert store.artifacts.get(digest) == encode_canonically(release)


def test_publishing_the_same_release_again_changes_nothing(store, keyring):
    release = _release(_register(store))
    with store.transaction() as tx:
        assert publish_release(store, tx, release, keyring) == publish_release(store, tx, release, keyring)


def test_another_release_of_a_version_is_a_conflict(store, keyring):
    release = _release(_register(store))
    with store.transaction() as tx:
        publish_release(store, tx, release, keyring)
        with pytest.raises(StateConflict, match="has the release"):
            publish_release(store, tx, replace(release, action_rule=None), keyring)


def test_a_version_without_a_release_says_so(store, keyring):
    _register(store)
    with store.reading() as tx, pytest.raises(NotFound, match="v1 of 'late-flights' has no release"):
        read_release(store, tx, "late-flights", 1, keyring)


def test_any_changed_byte_of_a_document_is_found(store, keyring):
    document = encode_canonically(_release(_register(store)))
    signature = keyring.sign(document)
    for place in range(0, len(document), 97):
        changed = bytearray(document)
        changed[place] ^= 1
        with pytest.raises(StoreFailed, match="has signed this document"):
            open_release(bytes(changed), signature, keyring)


def test_a_document_in_the_place_of_another_is_found(store, keyring):
    """Someone who can write the database swaps in a release that was honestly signed for another version."""
    other = _release(_register(store, b"bad"))
    document = encode_canonically(other)
    version = _register(store, b"good")
    with store.transaction() as tx:
        artifact = store.artifacts.put(document)
        tx.versions.append_release("late-flights", version.number, artifact, artifact, keyring.sign(document), NOON)
    with store.reading() as tx, pytest.raises(StoreFailed, match="is that of v1"):
        read_release(store, tx, "late-flights", version.number, keyring)


def test_a_document_of_another_key_is_not_read(store, keyring, tmp_path):
    document = encode_canonically(_release(_register(store)))
    keyring.sign(b"")
    with pytest.raises(StoreFailed):
        open_release(document, Keyring.open(tmp_path / "stranger").sign(document), keyring)


def test_a_signed_document_that_is_no_release_is_said(keyring):
    document = msgspec.json.encode({"loop": 3})
    with pytest.raises(StoreFailed, match="is no release"):
        open_release(document, keyring.sign(document), keyring)
