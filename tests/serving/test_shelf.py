"""A version answers by the newest lookup that there is, and by the one that it came with while there is none."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

import holdtrue as ht
from holdtrue.domain import Lookup, PastTable, encode_canonically, name_past_key
from holdtrue.errors import StoreFailed
from holdtrue.serving import lookup_file, read_lookup_file, write_lookup_file
from holdtrue.serving.answer import shelf as shelf_module
from holdtrue.serving.answer.shelf import FollowedLookup, Shelf
from holdtrue.serving.lookup_file import decode_lookup, place_lookup

PAST = ht.history("7d", by="plant", of="failed").mean()
AT = datetime(2024, 1, 2, 12, tzinfo=UTC)


def make_lookup(value: float, *, day: int) -> Lookup:
    table = PastTable(refreshed_at=datetime(2024, 1, day, tzinfo=UTC), values={'["north"]': value})
    return Lookup(tables={PAST.digest: table})


def test_the_newest_file_is_taken_over_and_a_broken_one_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelf_module, "LOOK_SECONDS", 0.0)
    followed = FollowedLookup(tmp_path, "machines")
    shelf = Shelf(make_lookup(0.1, day=1), followed=followed)
    other = Shelf(followed=followed)
    assert not followed.has_changed()
    assert shelf.take().find(PAST, {"plant": "north"}, at=AT) == 0.1
    write_lookup_file(tmp_path, "machines", make_lookup(0.2, day=2))
    assert followed.has_changed()
    assert shelf.take().find(PAST, {"plant": "north"}, at=AT) == 0.1
    followed.read()
    assert not followed.has_changed()
    assert shelf.take().find(PAST, {"plant": "north"}, at=AT) == 0.2
    assert shelf.take().tables[PAST.digest] is other.take().tables[PAST.digest]
    place_lookup(tmp_path, "machines").write_bytes(b'{"tables": 5}')
    assert followed.has_changed()
    followed.read()
    assert shelf.take().find(PAST, {"plant": "north"}, at=AT) == 0.2
    with pytest.raises(StoreFailed, match="cannot be read"):
        read_lookup_file(tmp_path, "machines")


def test_a_lookup_that_is_decoded_in_pieces_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["", ",", '"', ',"', '\\",', '],"[', "é\\", "{", '"]']
    values = {name_past_key([text, place, True]): place / 7 for place in range(20) for text in texts}
    for n_kept in (0, 1, len(values)):
        table = PastTable(refreshed_at=AT, values=dict(list(values.items())[:n_kept]))
        lookup = Lookup(tables={PAST.digest: table, "other": table})
        for n_bytes in (1, 7, 100, 1 << 16):
            monkeypatch.setattr(lookup_file, "_PIECE_BYTES", n_bytes)
            assert decode_lookup(encode_canonically(lookup)) == lookup
    with pytest.raises(msgspec.ValidationError):
        decode_lookup(b'{"tables": {"a": {"refreshed_at": "2024-01-01T00:00:00Z", "values": {"b": "c"}}}}')
    with pytest.raises(msgspec.ValidationError):
        decode_lookup(b'{"tables": {"a": {"refreshed_at": "2024-01-01T00:00:00Z", "values": []}}}')


@pytest.mark.parametrize("values", [{"plant": "south"}, {"plant": None}, {}])
def test_what_nothing_is_known_of_is_missing(values: dict[str, object]) -> None:
    assert make_lookup(0.1, day=1).find(PAST, values, at=AT) is None
    assert Lookup(tables={}).find(PAST, {"plant": "north"}, at=AT) is None


def test_a_lookup_that_cannot_be_written_is_an_error_of_the_store(tmp_path: Path) -> None:
    place_lookup(tmp_path, "machines").mkdir(parents=True)
    with pytest.raises(StoreFailed, match="stays as it was"):
        write_lookup_file(tmp_path, "machines", make_lookup(0.2, day=2))
