"""Garbage: artifacts that nothing names but the step cache; the newest of them are kept, as far as a budget allows."""

import time
from dataclasses import dataclass
from datetime import timedelta

from holdtrue.pipeline.runner import list_references
from holdtrue.store import Artifacts, Store, find_digests

YOUNG = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Garbage:
    """What may be thrown away.

    Attributes:
        artifacts: digests, oldest first.
        keys: of the cached outputs that refer to them, which would be whole no longer.
        n_bytes: what they take on the disk.
        n_kept: unnamed artifacts that are within the budget.
        n_kept_bytes: what those take.
        n_named: artifacts that something names.
    """

    artifacts: tuple[str, ...]
    keys: tuple[str, ...]
    n_bytes: int
    n_kept: int
    n_kept_bytes: int
    n_named: int


def find_garbage(store: Store, *, budget_bytes: int = 0, older_than: timedelta = YOUNG) -> Garbage:
    """Return what may be thrown away so that unnamed artifacts take no more than the budget.

    Whatever stands in a row of the database is named: versions, releases, datasets, verdicts, the orders and results of
    runs; and so is what a named document says. What is not `older_than` stays as well: a backtest or a training
    that is under way may have made it, and nothing names it yet.
    """
    with store.reading() as tx:
        named = _follow(store.artifacts, tx.references.all())
        entries = [(key, set(list_references(value))) for key, value in tx.cache.all()]
    young = time.time() - older_than.total_seconds()
    kept = sorted(store.artifacts.all(), key=lambda artifact: artifact.written_unix, reverse=True)
    unnamed = [artifact for artifact in kept if artifact.digest not in named and artifact.written_unix <= young]
    left = budget_bytes
    garbage = []
    for artifact in unnamed:
        left -= artifact.n_bytes
        if left < 0:
            garbage.append(artifact)
    digests = {artifact.digest for artifact in garbage}
    n_bytes = sum(artifact.n_bytes for artifact in garbage)
    return Garbage(
        artifacts=tuple(artifact.digest for artifact in reversed(garbage)),
        keys=tuple(key for key, wanted in entries if wanted & digests),
        n_bytes=n_bytes,
        n_kept=len(unnamed) - len(garbage),
        n_kept_bytes=sum(artifact.n_bytes for artifact in unnamed) - n_bytes,
        n_named=len(kept) - len(unnamed),
    )


def collect_garbage(store: Store, garbage: Garbage) -> None:
    """Throw garbage away: first what refers to it, so that a kill in between leaves nothing that is half there."""
    with store.transaction() as tx:
        tx.cache.remove(garbage.keys)
    for digest in garbage.artifacts:
        store.artifacts.remove(digest)


def _follow(artifacts: Artifacts, named: set[str]) -> set[str]:
    found, waiting = set(named), list(named)
    while waiting:
        path = artifacts.path(waiting.pop())
        if not path.is_file():
            continue
        with path.open("rb") as file:  # a release is a JSON document, which names a model and perhaps its twin
            head = file.read(1)
            text = (head + file.read()).decode("utf-8", "replace") if head == b"{" else ""
        new = set(find_digests(text)) - found
        found |= new
        waiting += new
    return found
