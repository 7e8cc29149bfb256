"""Output: what user code prints, kept in a file that cannot grow beyond a bound."""

import tempfile
from pathlib import Path

LIMIT_BYTES = 1 << 20
_DROPPED = b"... (earlier output was dropped)\n"


class BoundedOutput:
    """Keeps the last bytes that were written: at least `limit_bytes` of them, on disk never more than twice that."""

    def __init__(self, path: Path | None = None, *, limit_bytes: int = LIMIT_BYTES) -> None:
        # Held until `close`, so no context manager can have it.
        self._file = tempfile.TemporaryFile("w+b") if path is None else path.open("w+b")  # noqa: SIM115
        self._limit_bytes = limit_bytes
        self._n_bytes = 0
        self._n_printed = 0

    def append(self, piece: bytes) -> None:
        """Write a piece; what is older than the bound is dropped."""
        self._n_printed += len(piece)
        piece = piece[-self._limit_bytes :]
        if self._n_bytes + len(piece) > 2 * self._limit_bytes - len(_DROPPED):
            kept = self._read_last(self._limit_bytes - len(piece))
            self._cut()
            self._write(_DROPPED + kept)
        self._write(piece)

    def tail(self, n_bytes: int = 8192) -> str:
        """Return the last bytes as text, from the start of a line on; it says so when far more was printed."""
        last = self._read_last(n_bytes)
        if self._n_bytes > n_bytes and b"\n" in last[:-1]:
            last = last[last.index(b"\n") + 1 :]
        text = last.decode("utf-8", "backslashreplace")
        if self._n_printed <= 2 * self._limit_bytes:
            return text
        return f"... (of {self._n_printed / 2**20:,.0f} MiB that it printed, the last are kept)\n{text}"

    def clear(self) -> None:
        """Forget everything."""
        self._cut()
        self._n_printed = 0

    def close(self) -> None:
        """Close the file; without a path of its own it is gone."""
        self._file.close()

    def _cut(self) -> None:
        self._file.seek(0)
        self._file.truncate()
        self._n_bytes = 0

    def _write(self, piece: bytes) -> None:
        self._file.seek(0, 2)
        self._file.write(piece)
        self._n_bytes += len(piece)

    def _read_last(self, n_bytes: int) -> bytes:
        self._file.seek(max(0, self._n_bytes - max(0, n_bytes)))
        return self._file.read() if n_bytes > 0 else b""
