"""Kept source: the text of the project's modules that a function reaches, as an artifact that a version carries."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import msgspec

from holdtrue.domain import encode_canonically
from holdtrue.errors import StoreFailed

LOOP_FILE = "holdtrue_loop_file"
"""The name under which a loop file is imported: part of no fingerprint."""

MAX_BYTES = 4 << 20


@dataclass(frozen=True, kw_only=True)
class KeptModule:
    """The statements of one module that are needed, on the lines on which they stand in its file.

    Attributes:
        name: its full name.
        text: Python; what is not needed is left blank.
        file: how the file is called in tracebacks.
        is_package: whether it holds other modules.
    """

    name: str
    text: str
    file: str
    is_package: bool = False


@dataclass(frozen=True, kw_only=True)
class KeptSource:
    """All of the project's modules that a function needs, in the order of their names."""

    modules: tuple[KeptModule, ...]

    @cached_property
    def data(self) -> bytes:
        """The artifact: JSON that a person can read."""
        return encode_canonically(self)

    @cached_property
    def digest(self) -> str:
        """The sha256 of the artifact."""
        return hashlib.sha256(self.data).hexdigest()


def read_source(data: bytes) -> KeptSource:
    """Return the source that an artifact holds; nothing of it is run.

    Raises:
        StoreFailed: these bytes are no source.
    """
    try:
        if len(data) > MAX_BYTES:
            raise ValueError(f"it has {len(data)} bytes")
        return msgspec.json.decode(data, type=KeptSource)
    except (ValueError, msgspec.MsgspecError) as error:
        raise StoreFailed(
            f"the artifact holds no source of functions ({error})",
            expected=f"the JSON that a training wrote, of at most {MAX_BYTES >> 20} MiB",
        ) from error
