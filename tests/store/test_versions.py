import pytest

from holdtrue.errors import NotFound, StateConflict, StoreFailed
from holdtrue.store import ReleaseRow, Store

from .samples import NOW, digest, version


def test_a_version_comes_back_as_it_was_appended(store: Store) -> None:
    with store.transaction() as tx:
        assert tx.versions.next_number("flights") == 1
        assert tx.versions.append(version()) == version()
        tx.versions.append(version(2))
    with store.reading() as tx:
        assert tx.versions.read("flights", 1) == version()
        assert tx.versions.find_digest("flights", version(2).digest) == version(2)
        assert tx.versions.find_digest("flights", "unknown") is None
        assert tx.versions.all("flights") == [version(), version(2)]
        assert tx.versions.next_number("flights") == 3
        assert tx.versions.next_number("other") == 1


def test_a_version_that_nobody_knows_is_answered_with_those_there_are(store: Store) -> None:
    with store.transaction() as tx:
        with pytest.raises(NotFound, match="has none yet"):
            tx.versions.read("flights", 1)
        tx.versions.append(version())
        with pytest.raises(NotFound, match="one of v1"):
            tx.versions.read("flights", 2)


def test_a_version_has_one_release(store: Store) -> None:
    expected = ReleaseRow(
        loop="flights", version_number=1, release_digest="d", artifact=digest("release"), signature_hex="ab", at=NOW
    )
    with store.transaction() as tx:
        with pytest.raises(NotFound):
            tx.versions.append_release("flights", 1, "d", digest("release"), "ab", NOW)
        tx.versions.append(version())
        assert tx.versions.read_release("flights", 1) is None
        assert tx.versions.append_release("flights", 1, "d", digest("release"), "ab", NOW) == expected
        assert tx.versions.read_release("flights", 1) == expected
        with pytest.raises(StateConflict):
            tx.versions.append_release("flights", 1, "e", digest("release"), "ab", NOW)


@pytest.mark.parametrize("statement", ["UPDATE versions SET artifact = digest", "DELETE FROM versions"])
def test_a_version_never_changes(store: Store, statement: str) -> None:
    with store.transaction() as tx:
        tx.versions.append(version())
    with pytest.raises(StoreFailed, match="append-only"), store.transaction() as tx:
        tx.versions._connection.exec_driver_sql(statement)
