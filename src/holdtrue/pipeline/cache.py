"""Caches of steps: what a step returned, by the digest of all that went into it."""

import hashlib
from typing import Protocol

from holdtrue.domain import Json
from holdtrue.store import Store


class Cache(Protocol):
    """Keeps outputs of steps, which are never null. Writing twice is writing once: a key's first output is kept."""

    def get(self, key: str) -> Json | None:
        """Return the encoded output under a key, or None."""
        ...

    def put(self, key: str, output: Json) -> Json:
        """Keep an encoded output unless the key has one; return the one that is kept."""
        ...

    def has_bytes(self, digest: str) -> bool:
        """Say whether the bytes with this sha256 are kept."""
        ...

    def get_bytes(self, digest: str) -> bytes:
        """Return the bytes with this sha256."""
        ...

    def put_bytes(self, data: bytes) -> str:
        """Keep bytes and return their sha256."""
        ...


class StepCache:
    """Keeps outputs in a project's store, for all processes and runs of the project."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, key: str) -> Json | None:
        """Return the encoded output under a key, or None."""
        with self._store.reading() as tx:
            return tx.cache.get(key)

    def put(self, key: str, output: Json) -> Json:
        """Keep an encoded output unless the key has one; return the one that is kept."""
        with self._store.transaction() as tx:
            return tx.cache.put(key, output)

    def has_bytes(self, digest: str) -> bool:
        """Say whether the bytes are kept."""
        return self._store.artifacts.has(digest)

    def get_bytes(self, digest: str) -> bytes:
        """Return the bytes, checked against their digest."""
        return self._store.artifacts.get(digest)

    def put_bytes(self, data: bytes) -> str:
        """Keep bytes and return their sha256."""
        return self._store.artifacts.put(data)


class MemoryCache:
    """Keeps outputs in this process only."""

    def __init__(self) -> None:
        self._outputs: dict[str, Json] = {}
        self._artifacts: dict[str, bytes] = {}

    def get(self, key: str) -> Json | None:
        """Return the encoded output under a key, or None."""
        return self._outputs.get(key)

    def put(self, key: str, output: Json) -> Json:
        """Keep an encoded output unless the key has one; return the one that is kept."""
        return self._outputs.setdefault(key, output)

    def has_bytes(self, digest: str) -> bool:
        """Say whether the bytes are kept."""
        return digest in self._artifacts

    def get_bytes(self, digest: str) -> bytes:
        """Return the bytes."""
        return self._artifacts[digest]

    def put_bytes(self, data: bytes) -> str:
        """Keep bytes and return their sha256."""
        digest = hashlib.sha256(data).hexdigest()
        self._artifacts[digest] = data
        return digest
