import io
import tracemalloc
import zipfile

import numpy as np
import pytest

from holdtrue.errors import FormatRefused
from holdtrue.registry.archive import open_archive, read_member

MEGABYTE = 1 << 20


def _zip(members, *, packing=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", packing) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def _npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def test_a_megabyte_that_unpacks_to_two_hundred_is_refused_before_it_is_unpacked():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("schema.json", "{}")
        for number in range(4):
            archive.writestr(f"{number}.npy", bytes(50 * MEGABYTE))
    bomb = buffer.getvalue()
    assert len(bomb) < 1.1 * MEGABYTE
    tracemalloc.start()
    with pytest.raises(FormatRefused, match="at most 100 times its packed size"):
        open_archive(bomb)
    assert tracemalloc.get_traced_memory()[1] < MEGABYTE
    tracemalloc.stop()


def test_more_than_a_model_ever_has_is_refused_whatever_its_ratio(monkeypatch):
    monkeypatch.setattr("holdtrue.registry.archive.MAX_INFLATED_BYTES", 1000)
    with pytest.raises(FormatRefused, match="1802 bytes when unpacked"):
        open_archive(_zip([("schema.json", "{}"), ("1.npy", bytes(900)), ("2.npy", bytes(900))]))
    monkeypatch.setattr("holdtrue.registry.archive.MAX_MEMBERS", 2)
    with pytest.raises(FormatRefused, match="3 members"):
        open_archive(_zip([("schema.json", "{}"), ("1.npy", b""), ("2.npy", b"")]))


@pytest.mark.parametrize("name", ["../../etc/passwd", "/abs.npy", "a.pkl", "schema.json.npy", "12.bin", "1.npy/"])
def test_a_member_that_no_skops_file_has_is_refused(name):
    with pytest.raises(FormatRefused, match="no skops file has"):
        open_archive(_zip([("schema.json", "{}"), (name, b"x")]))


@pytest.mark.parametrize(
    ("name", "kind"), [("model/data.pkl", "torch"), ("config.json", "keras"), ("model.weights.h5", "keras")]
)
def test_archives_of_other_libraries_are_named(name, kind):
    with pytest.raises(FormatRefused, match=kind):
        open_archive(_zip([(name, b"x")]))


def test_a_member_that_is_named_twice_is_refused():
    with pytest.warns(UserWarning, match="Duplicate"):
        data = _zip([("schema.json", "{}"), ("1.npy", b"a"), ("1.npy", b"b")])
    with pytest.raises(FormatRefused, match="twice"):
        open_archive(data)


def test_a_member_that_is_packed_in_another_way_is_refused():
    with pytest.raises(FormatRefused, match="another way"):
        open_archive(_zip([("schema.json", "{}")], packing=zipfile.ZIP_LZMA))


def test_members_that_share_their_bytes_are_refused():
    data = _zip([("schema.json", b"{}" * 400), ("1.npy", b"x" * 800)], packing=zipfile.ZIP_STORED)
    archive = open_archive(data)
    first, second = archive.infolist()
    second.header_offset = first.header_offset
    inflated = first.compress_size + second.compress_size
    with pytest.raises(FormatRefused, match="overlap"):
        open_archive(_shrink(data, inflated))


def _shrink(data, inflated):
    """Point both entries of the table of contents at the first member, and drop the second."""
    start = data.index(b"PK\x01\x02")
    second = data.index(b"PK\x03\x04", 4)
    table = bytearray(data[start:])
    entry = table.index(b"PK\x01\x02", 4)
    table[entry + 42 : entry + 46] = (0).to_bytes(4, "little")
    end = table.index(b"PK\x05\x06")
    table[end + 16 : end + 20] = second.to_bytes(4, "little")
    assert second + len(table) < inflated
    return bytes(data[:second] + table)


@pytest.mark.parametrize("cut", [0, 10, 50, -30])
def test_a_torn_archive_is_refused(cut):
    data = _zip([("schema.json", "{}"), ("1.npy", _npy(np.arange(9)))])
    with pytest.raises(FormatRefused):
        open_archive(data[:cut])


def test_a_changed_byte_in_a_member_is_found():
    data = bytearray(_zip([("schema.json", "{}"), ("1.npy", _npy(np.arange(99)))], packing=zipfile.ZIP_STORED))
    data[300] ^= 1
    with pytest.raises(FormatRefused, match="cannot be read"):
        read_member(open_archive(bytes(data)), "1.npy")


@pytest.mark.parametrize(
    ("found", "instead"), [(b"(3,), }", b"(99999999999999,), }"), (b"(3,), }", b"(3,), "), (b"'descr'", b"'other'")]
)
def test_an_array_whose_header_lies_is_refused_before_memory_is_taken(found, instead):
    lying = bytearray(_npy(np.zeros(3)))
    place = lying.index(found)
    lying[place : place + max(len(found), len(instead))] = instead.ljust(len(found))
    with pytest.raises(FormatRefused, match=r"declares|broken header"):
        read_member(open_archive(_zip([("schema.json", "{}"), ("1.npy", bytes(lying))])), "1.npy")


def test_a_torn_array_is_refused():
    with pytest.raises(FormatRefused, match="declares 24 bytes and holds 23"):
        read_member(open_archive(_zip([("schema.json", "{}"), ("1.npy", _npy(np.zeros(3))[:-1])])), "1.npy")


def test_an_array_of_python_objects_is_refused():
    buffer = io.BytesIO()
    np.save(buffer, np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(FormatRefused, match="Python objects"):
        read_member(open_archive(_zip([("schema.json", "{}"), ("1.npy", buffer.getvalue())])), "1.npy")


def test_a_sparse_matrix_is_judged_like_the_archive_around_it():
    inner = _zip([("data.npy", _npy(np.zeros(4 * MEGABYTE)))])
    with pytest.raises(FormatRefused, match="at most 100 times"):
        read_member(open_archive(_zip([("schema.json", "{}"), ("1.npz", inner)], packing=0)), "1.npz")
    with pytest.raises(FormatRefused, match="holds"):
        read_member(open_archive(_zip([("schema.json", "{}"), ("1.npz", _zip([("../x.npy", b"")]))])), "1.npz")
