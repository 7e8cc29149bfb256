"""Artifacts: bytes named by their sha256, written once, never changed."""

import hashlib
import os
import re
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore

from holdtrue.errors import NotFound, StoreFailed

_DIGEST = re.compile(r"[0-9a-f]{64}")
_INCOMING = "incoming"
_STALE_SECONDS = 86_400.0


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """An artifact on the disk: its digest, its size, and when it was written (Unix time)."""

    digest: str
    n_bytes: int
    written_unix: float


class Artifacts:
    """A folder of artifacts.

    A new one is written under a temporary name, synced, renamed to its digest, and its folder synced; so a digest that
    `put` returned names whole bytes, whatever happens to the machine.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            (folder / _INCOMING).mkdir(parents=True, exist_ok=True)
            _sweep(folder / _INCOMING)
            self._store = LocalStore(folder)
        except (OSError, BaseError) as error:
            raise _failure("the artifact folder cannot be opened", error) from error

    def put(self, data: bytes) -> str:
        """Keep the bytes and return their sha256 (64 hex digits); the same bytes twice are one artifact.

        Raises:
            StoreFailed: the disk refused; nothing is left of the attempt.
        """
        digest = hashlib.sha256(data).hexdigest()
        if self._is_whole(digest):
            return digest
        incoming = f"{_INCOMING}/{uuid.uuid4().hex}"
        try:
            obstore.put(self._store, incoming, data)
            _sync(self.folder / incoming)
            self._move(incoming, digest)
        except (OSError, BaseError) as error:
            for leftover in (self.folder / _INCOMING).glob(f"{Path(incoming).name}*"):
                leftover.unlink(missing_ok=True)
            raise _failure(f"an artifact of {len(data)} bytes cannot be kept", error) from error
        return digest

    def get(self, digest: str) -> bytes:
        """Return the bytes of an artifact, after checking that they are what the digest says.

        Raises:
            NotFound: there is no such artifact.
            StoreFailed: the bytes on disk are not those that were put there.
        """
        path = self.path(digest)
        try:
            data = path.read_bytes()
        except FileNotFoundError as error:
            raise NotFound(
                f"there is no artifact {digest} in {self.folder}",
                expected="a digest that put() returned here",
                remedy="where several folders have one database, let them have one folder of artifacts too",
            ) from error
        except OSError as error:
            raise _failure(f"the artifact {digest} cannot be read", error) from error
        if hashlib.sha256(data).hexdigest() != digest:
            raise StoreFailed(
                f"the bytes in {path} are not those that were put there",
                expected=f"bytes with the sha256 {digest}",
                remedy="bring the file back from a backup",
            )
        return data

    def has(self, digest: str) -> bool:
        """Say whether there is such an artifact."""
        return self.path(digest).is_file()

    def all(self) -> "list[Artifact]":
        """Return all artifacts, in no order."""
        found = []
        for path in self.folder.glob("[0-9a-f][0-9a-f]/*"):
            digest = path.parent.name + path.name
            if _DIGEST.fullmatch(digest):
                status = path.stat()
                found.append(Artifact(digest=digest, n_bytes=status.st_size, written_unix=status.st_mtime))
        return found

    def remove(self, digest: str) -> None:
        """Throw an artifact away; one that is not there is gone already.

        Raises:
            StoreFailed: the disk refused.
        """
        try:
            self.path(digest).unlink(missing_ok=True)
        except OSError as error:
            raise _failure(f"the artifact {digest} cannot be removed", error) from error

    def path(self, digest: str) -> Path:
        """Return the file that holds an artifact, for readers that need a file; it may not be there.

        Raises:
            NotFound: the text is no digest, so it names no artifact and never becomes a path.
        """
        if not _DIGEST.fullmatch(digest):
            raise NotFound(f"{digest!r} is not the name of an artifact", expected="64 hex digits")
        return self.folder / digest[:2] / digest[2:]

    def _is_whole(self, digest: str) -> bool:
        """Say whether the artifact is there and undamaged; a damaged file is to be replaced by the next put."""
        path = self.path(digest)
        try:
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == digest
        except OSError:
            return False

    def _move(self, incoming: str, digest: str) -> None:
        """Rename the incoming file to its digest and sync the folders; only whole bytes that came first win."""
        path = self.path(digest)
        target = path.relative_to(self.folder).as_posix()
        path.parent.mkdir(exist_ok=True)
        try:
            obstore.rename(self._store, incoming, target, overwrite=False)
        except AlreadyExistsError:
            obstore.rename(self._store, incoming, target, overwrite=True)
        _sync(path.parent)
        _sync(self.folder)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sweep(folder: Path) -> None:
    """Remove what killed writers left behind more than a day ago."""
    for path in folder.iterdir():
        if time.time() - path.stat().st_mtime > _STALE_SECONDS:
            path.unlink(missing_ok=True)


def _failure(found: str, error: Exception) -> StoreFailed:
    return StoreFailed(
        f"{found} ({str(error).partition(chr(10))[0]})",  # obstore tells the source of the error below it
        expected="a disk with free space that this user may write to",
        remedy="free some space or mend the permissions, then do it again",
    )
