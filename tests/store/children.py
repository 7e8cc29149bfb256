"""What the tests run in processes of its own: `python children.py VERB FOLDER ...`; each prints what it did."""

import resource
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

NOW = datetime(2013, 9, 1, 12, tzinfo=UTC)


def say(*words: object) -> None:
    print(*words, flush=True)


def open_store(folder: Path) -> None:
    from holdtrue.store import Store

    say("ready")
    sys.stdin.readline()
    with Store.open(folder) as store, store.reading() as tx:
        say("opened", tx.versions.next_number("flights"), "alembic" in sys.modules)


def race(folder: Path, owner: str) -> None:
    """In each round, promote one's own version over the revision that all were told to be in charge."""
    import dataclasses

    from holdtrue.errors import StateConflict
    from holdtrue.store import Store

    store = Store.open(folder)
    say("ready")
    for line in sys.stdin:
        revision = int(line)
        with store.reading() as tx:
            traffic = tx.traffic.read("main", "flights")
        wanted = dataclasses.replace(traffic, champion=int(owner))
        try:
            with store.transaction() as tx:
                tx.traffic.write(wanted, revision)
                tx.audit.append(
                    loop="flights", at=NOW, actor=owner, action="promote", subject=f"v{owner}", sentence="It won."
                )
            say("won")
        except StateConflict:
            say("lost")


def write(folder: Path) -> None:
    """Count up in three tables at once, saying each number once it is committed."""
    from holdtrue.domain import LabelFact
    from holdtrue.store import Store

    with Store.open(folder) as store:
        say("ready")
        while True:
            with store.transaction() as tx:
                revision, state = tx.states.read("flights") or (None, {"n": 0})
                n = state["n"] + 1
                tx.states.write("flights", {"n": n}, revision)
                tx.labels.append([LabelFact(loop="flights", label=True, at=0.0, received_at=float(n), key=str(n))])
                tx.audit.append(loop="flights", at=NOW, actor="a", action="count", subject=str(n), sentence="x" * 500)
            say(n)


def log(folder: Path, name: str) -> None:
    """Append blocks of three rows, saying the last row of each block once it is written."""
    from holdtrue.store.segments import SegmentWriter

    writer = SegmentWriter.open(folder, name)
    writer.rotate_bytes = 200_000
    n = 0
    while True:
        rows = [f"{name} {n + i} ".encode() + b"x" * (97 * (n + i) % 3001) for i in range(3)]
        writer.append(rows)
        n += 3
        say(n)


def keep(folder: Path) -> None:
    """Put artifacts without end, saying the digest of each once it is kept."""
    from holdtrue.store import Artifacts

    artifacts = Artifacts(folder)
    while True:
        say(artifacts.put(str(time.monotonic_ns()).encode() * 20_000))


def fill(folder: Path) -> None:
    """Meet a limit on the size of files in all three ways of writing, then go on once it is lifted."""
    from holdtrue.domain import LabelFact
    from holdtrue.errors import StoreFailed
    from holdtrue.store import SegmentWriter, Store, read_segments

    def facts(n: int) -> list[LabelFact]:
        return [LabelFact(loop="flights", label=True, at=0.0, received_at=0.0, key=f"{i}") for i in range(n)]

    def set_limit(n_bytes: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, resource.RLIM_INFINITY))

    store = Store.open(folder)
    writer = SegmentWriter.open(folder / "log", "worker")
    with store.transaction() as tx:
        tx.labels.append(facts(1))
    writer.append([b"first"])
    refused = 0
    set_limit(1_000_000)
    try:
        store.artifacts.put(b"x" * 2_000_000)
    except StoreFailed:
        refused += 1
    try:
        writer.append([b"y" * 600_000, b"z" * 600_000])
    except StoreFailed:
        refused += 1
    try:
        with store.transaction() as tx:
            tx.labels.append(facts(30_000))
    except StoreFailed:
        refused += 1
    with store.reading() as tx:
        n_labels = tx.labels.count("flights")
    left = [path.name for path in (folder / "artifacts" / "incoming").iterdir()]
    say(refused, n_labels, left, [frame.payload for frame in read_segments(folder / "log")])
    set_limit(resource.RLIM_INFINITY)
    writer.append([b"second"])
    with store.transaction() as tx:
        tx.labels.append(facts(30_000))
        n_labels = tx.labels.count("flights")
    is_kept = store.artifacts.has(store.artifacts.put(b"x" * 2_000_000))
    say(n_labels, is_kept, [frame.payload for frame in read_segments(folder / "log")])


VERBS = {"open": open_store, "race": race, "write": write, "log": log, "keep": keep, "fill": fill}

if __name__ == "__main__":
    VERBS[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])
