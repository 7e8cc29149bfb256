"""Archive: what is known about a zip container before a single byte of it is inflated."""

import io
import math
import re
import zipfile
from collections.abc import Iterable

import numpy as np

from holdtrue.errors import FormatRefused

MAX_MEMBERS = 200_000
MAX_INFLATED_BYTES = 1 << 30
MAX_RATIO = 100
FREE_BYTES = 1 << 16  # small members may have any ratio: a row of zeros is no bomb
SCHEMA_NAME = "schema.json"

_MEMBER = re.compile(r"^[0-9]{1,20}\.np[yz]$")
_INNER_MEMBER = re.compile(r"^[a-z]{1,10}\.npy$")
_KNOWN = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}


def open_archive(data: bytes) -> zipfile.ZipFile:
    """Return the open zip archive of a skops file, its table of contents judged and nothing inflated.

    Raises:
        FormatRefused: the table of contents names another member than `schema.json`, `<digits>.npy` and `<digits>.npz`,
            names one twice, or declares more members, more bytes or a higher compression ratio than a model has.
    """
    archive = _open_zip(data)
    entries = archive.infolist()
    if SCHEMA_NAME not in {entry.filename for entry in entries}:
        raise FormatRefused(
            f"the zip archive holds no {SCHEMA_NAME} but {_tell(entry.filename for entry in entries)}",
            expected="a skops file",
            remedy=tell_container([entry.filename for entry in entries]),
        )
    unknown = [e.filename for e in entries if e.filename != SCHEMA_NAME and not _MEMBER.match(e.filename)]
    if unknown:
        raise FormatRefused(
            f"the skops file holds members that no skops file has: {_tell(unknown)}",
            expected=f"{SCHEMA_NAME} and numbered .npy and .npz members",
            remedy="store the estimator again with holdtrue",
        )
    _check_sizes(entries, len(data))
    return archive


def read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    """Return the bytes of one member; an array's own header must declare exactly the bytes that are there."""
    try:
        content = archive.read(name)
    except Exception as error:  # zipfile and zlib raise many kinds on broken bytes
        raise FormatRefused(f"the member {name} cannot be read ({error})", expected="an intact skops file") from error
    if name.endswith(".npy"):
        check_array_header(content, name)
    elif name.endswith(".npz"):
        _check_inner_archive(content, name)
    return content


def check_array_header(content: bytes, name: str) -> None:
    """Refuse a .npy member whose header declares another size than it has, or Python objects.

    numpy allocates what the header declares before it reads: a shape of (10**12,) is a bomb without a zip.
    """
    stream = io.BytesIO(content)
    try:
        major, _ = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(stream, max_header_size=10_000)
    except Exception as error:  # the header is parsed as Python literals: a broken one raises anything
        raise FormatRefused(f"the array {name} has a broken header ({error})", expected="a .npy array") from error
    if dtype.hasobject:
        raise FormatRefused(f"the array {name} holds Python objects", expected="numbers or text of fixed width")
    declared = math.prod(shape) * dtype.itemsize
    if declared != len(content) - stream.tell():
        raise FormatRefused(
            f"the array {name} declares {declared} bytes and holds {len(content) - stream.tell()}",
            expected="an intact skops file",
        )


def tell_container(names: list[str]) -> str:
    """Say what a zip archive of these members probably is, and what to do with it."""
    if any(name.endswith(("data.pkl", "/byteorder")) for name in names):
        return "a torch file holds a pickle; export the model as ONNX"
    if any(name.startswith(("model.weights", "config.json")) for name in names):
        return "a keras file can hold code; holdtrue cannot store keras models yet"
    return "give the bytes that holdtrue or skops wrote"


def _open_zip(data: bytes) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError, IndexError) as error:
        raise FormatRefused(f"the zip archive is broken ({error})", expected="an intact skops file") from error


def _check_sizes(entries: list[zipfile.ZipInfo], n_bytes: int) -> None:
    names = [entry.filename for entry in entries]
    if len(set(names)) != len(names):
        raise FormatRefused("the archive names a member twice", expected="each member once")
    if len(entries) > MAX_MEMBERS:
        raise FormatRefused(f"the archive has {len(entries)} members", expected=f"at most {MAX_MEMBERS}")
    for entry in entries:
        if entry.compress_type not in _KNOWN or entry.flag_bits & 0x1:
            raise FormatRefused(
                f"the member {entry.filename} is encrypted or packed in another way", expected="stored or deflated"
            )
        if entry.file_size > max(FREE_BYTES, MAX_RATIO * entry.compress_size):
            raise FormatRefused(
                f"the member {entry.filename} declares {entry.file_size} bytes in {entry.compress_size}",
                expected=f"at most {MAX_RATIO} times its packed size",
            )
    inflated = sum(entry.file_size for entry in entries)
    if inflated > MAX_INFLATED_BYTES:
        raise FormatRefused(
            f"the archive declares {inflated} bytes when unpacked", expected=f"at most {MAX_INFLATED_BYTES}"
        )
    if sum(entry.compress_size for entry in entries) > n_bytes:
        raise FormatRefused("the members of the archive overlap", expected="members one after another")


def _check_inner_archive(content: bytes, name: str) -> None:
    inner = _open_zip(content)
    unknown = [entry.filename for entry in inner.infolist() if not _INNER_MEMBER.match(entry.filename)]
    if unknown:
        raise FormatRefused(f"the sparse matrix {name} holds {_tell(unknown)}", expected="named .npy arrays")
    _check_sizes(inner.infolist(), len(content))
    for entry in inner.infolist():
        read_member(inner, entry.filename)


def _tell(names: Iterable[str]) -> str:
    listed = sorted(repr(name[:80]) for name in names)
    return ", ".join(listed[:5]) + (f" and {len(listed) - 5} more" if len(listed) > 5 else "")
