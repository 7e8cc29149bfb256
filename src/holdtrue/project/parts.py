"""Parts: what of a file was scored so far, beside the target, so that a killed run goes on where it was."""

import fcntl
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import polars as pl

from holdtrue.domain import format_count
from holdtrue.errors import ProjectBusy, StoreFailed
from holdtrue.store.file import write_file

PART_ROWS = 50_000
_FORM = 1
_EDGE_BYTES = 1 << 20
_MANIFEST = "manifest.json"


@dataclass(frozen=True, kw_only=True)
class InputMark:
    """What one file of the input was: size, time of change, and the sha256 of its first and last MiB."""

    name: str
    n_bytes: int
    mtime_ns: int
    edges: str


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part that is answered, written and logged; `n_forgotten` as `ScoredSlice` says."""

    n_rows: int
    n_refused: int
    n_bytes: int
    n_forgotten: int = 0


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a run is about, and the parts that are done.

    `job` is 16 hex digits; a prediction's id is the job and the row's number in the input.
    """

    source: tuple[InputMark, ...]
    release: str
    version: str
    ending: str
    part_rows: int
    job: str
    form: int = _FORM
    parts: tuple[Part, ...] = ()

    @property
    def n_done(self) -> int:
        """Return how many rows are done."""
        return sum(part.n_rows for part in self.parts)


class PartFolder:
    """The folder of parts beside a target. `hold_parts` opens it.

    Attributes:
        manifest: of this run.
        note: in a sentence, why work that was there could not be gone on with; empty when nothing was lost.
    """

    def __init__(self, folder: Path, wanted: Manifest) -> None:
        self._folder = folder
        self.note = ""
        self.manifest = wanted
        found = _read(folder / _MANIFEST)
        if found is not None:
            self.note = _tell_difference(found, wanted)
        if found is None or self.note:
            self._empty()
            self._write()
        else:
            self.manifest = replace(found, parts=tuple(self._list_whole(found.parts)))

    @property
    def n_parts(self) -> int:
        """Return how many parts are done."""
        return len(self.manifest.parts)

    def path(self, number: int) -> Path:
        """Return where a part stands, counted from 0."""
        return self._folder / f"part-{number:06d}{self.manifest.ending}"

    def draft(self) -> Path:
        """Return where the next part is written before it is whole."""
        return self._folder / f"draft{self.manifest.ending}"

    def keep(self, *, n_refused: int, n_rows: int, n_forgotten: int) -> None:
        """Take the draft as the next part; call it when its rows are in the prediction log."""
        path = self.path(self.n_parts)
        self.draft().replace(path)
        part = Part(n_rows=n_rows, n_refused=n_refused, n_bytes=path.stat().st_size, n_forgotten=n_forgotten)
        self.manifest = replace(self.manifest, parts=(*self.manifest.parts, part))
        self._write()

    def finish(self, target: Path) -> None:
        """Write the target of all parts, in one piece or not at all, and remove them."""
        draft = target.with_name(f".{target.name}.partial")
        paths = [self.path(number) for number in range(self.n_parts)]
        try:
            if target.suffix == ".parquet":
                pl.scan_parquet(paths, glob=False).sink_parquet(draft, compression="zstd", maintain_order=True)
            else:
                _join_texts(paths, draft)
            draft.replace(target)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise StoreFailed(
                f"{target} cannot be written ({error}); the parts in {self._folder} are whole",
                expected="a disk with free space that this user may write to",
                remedy="make room and score again: it goes on",
            ) from error
        finally:
            draft.unlink(missing_ok=True)
        shutil.rmtree(self._folder)

    def _list_whole(self, parts: Sequence[Part]) -> Iterator[Part]:
        for number, part in enumerate(parts):
            path = self.path(number)
            if not path.exists() or path.stat().st_size != part.n_bytes:
                return
            yield part

    def _write(self) -> None:
        write_file(self._folder / _MANIFEST, msgspec.json.encode(self.manifest))

    def _empty(self) -> None:
        for path in self._folder.iterdir():
            if path.name != "lock":
                path.unlink()


@contextmanager
def hold_parts(target: Path, wanted: Manifest) -> Iterator[PartFolder]:
    """Open the folder of parts of a target; one process at a time.

    Raises:
        ProjectBusy: another process writes the same target.
        StoreFailed: the folder cannot be made.
    """
    folder = target.with_name(f".{target.name}.parts")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise StoreFailed(
            f"{folder} cannot be made ({error.strerror})", expected="a folder that this user may write to"
        ) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ProjectBusy(
                f"another process scores into {target} now", expected="one at a time", remedy="wait until it has ended"
            ) from error
        yield PartFolder(folder, wanted)
    finally:
        os.close(handle)


def mark_input(paths: Sequence[Path]) -> tuple[InputMark, ...]:
    """Return what tells an input from another, without reading all of it."""
    return tuple(_mark(path) for path in paths)


def name_job() -> str:
    """Return a new name of a run, 16 hex digits."""
    return uuid.uuid4().hex[:16]


def _mark(path: Path) -> InputMark:
    stat = path.stat()
    digest = hashlib.sha256()
    with path.open("rb") as file:
        digest.update(file.read(_EDGE_BYTES))
        file.seek(max(0, stat.st_size - _EDGE_BYTES))
        digest.update(file.read(_EDGE_BYTES))
    name = str(path.resolve())
    return InputMark(name=name, n_bytes=stat.st_size, mtime_ns=stat.st_mtime_ns, edges=digest.hexdigest())


def _read(path: Path) -> Manifest | None:
    with suppress(OSError, msgspec.MsgspecError):
        return msgspec.json.decode(path.read_bytes(), type=Manifest)
    return None


def _tell_difference(found: Manifest, wanted: Manifest) -> str:
    """Say why the parts that are there are not those of this run; an empty text when they are."""
    if found.source != wanted.source:
        why = "the input has changed since"
    elif found.release != wanted.release:
        why = f"{found.version} was in charge then, and {wanted.version} is now"
    elif (found.form, found.ending, found.part_rows) != (wanted.form, wanted.ending, wanted.part_rows):
        why = "they are of another version of holdtrue"
    else:
        return ""
    return (
        f"{format_count(found.n_done, 'row')} of a run that was cut short "
        f"{'is' if found.n_done == 1 else 'are'} answered anew: {why}."
    )


def _join_texts(paths: Sequence[Path], draft: Path) -> None:
    with draft.open("wb") as whole:
        for path in paths:
            with path.open("rb") as part:
                shutil.copyfileobj(part, whole, 1 << 20)
