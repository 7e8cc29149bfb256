"""Traffic file: the wanted traffic of a service, copied from the database for workers that read no SQL.

The supervisor's side writes it, workers pull it. It holds pointers only: what a version is, its action rule and the
names that requests use come from its signed release. While nobody writes, workers go on with the last one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from holdtrue.clock import ScaledClock
from holdtrue.domain import Traffic, encode_canonically, find_former
from holdtrue.errors import NotFound, StoreFailed
from holdtrue.store.file import write_file

if TYPE_CHECKING:
    from holdtrue.store import Store, Transaction

TRAFFIC_FILE = "traffic.json"
MAIN_SERVICE = "main"
CHAMPION_ALIAS = "champion"


@dataclass(frozen=True, kw_only=True)
class ReleasePointer:
    """Where a version's release is: the artifact that holds the document, its digest, and the signature of that."""

    release: str
    artifact: str
    signature: str


@dataclass(frozen=True, kw_only=True)
class LoopTraffic:
    """The traffic of one loop, and the releases to keep loaded: those in it and the champion before, for a rollback.

    `last_good` is the champion that the present one followed; None when there is none that was not gone back from.
    """

    traffic: Traffic
    versions: Mapping[int, ReleasePointer]
    last_good: int | None = None


@dataclass(frozen=True, kw_only=True)
class TrafficFile:
    """What a service serves. `revision` rises with each change; `clock` is a replay's, None for the time of day."""

    revision: int
    loops: Mapping[str, LoopTraffic]
    clock: ScaledClock | None = None


def read_traffic_file(folder: Path) -> TrafficFile | None:
    """Read the traffic file of a `.holdtrue` folder; None when there is none yet.

    Raises:
        StoreFailed: it cannot be read, or it is no traffic file.
    """
    path = folder / TRAFFIC_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=TrafficFile, strict=False)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise StoreFailed(
            f"{path} cannot be read ({error})",
            expected="the file that the supervisor writes",
            remedy="remove it; the running supervisor writes it anew",
        ) from error


def write_traffic_file(store: "Store", *, service: str = MAIN_SERVICE, clock: ScaledClock | None = None) -> bool:
    """Write the traffic file from the database if it says something new; return whether it did.

    Args:
        store: the open store; the file stands in its folder.
        service: the service whose rows are copied.
        clock: the business clock of a replay.

    Raises:
        NotFound: a version in the traffic has no release; the file stays as it was.
        StoreFailed: the disk refused; the file stays as it was.
    """
    with store.reading() as transaction:
        loops = {row.loop: _read_loop(transaction, row) for row in transaction.traffic.all(service)}
    revision = sum(loop.traffic.revision for loop in loops.values())
    content = encode_canonically(TrafficFile(revision=revision, loops=loops, clock=clock))
    path = store.folder / TRAFFIC_FILE
    if path.exists() and path.read_bytes() == content:
        return False
    try:
        write_file(path, content)
    except OSError as error:
        raise StoreFailed(
            f"{path} cannot be written ({error.strerror}); it stays as it was",
            expected="a disk with free space that this user may write to",
        ) from error
    return True


def _read_loop(transaction: "Transaction", traffic: Traffic) -> LoopTraffic:
    wanted = [traffic.champion, *([] if traffic.challenger is None else [traffic.challenger])]
    history = transaction.aliases.history(traffic.loop)
    before = [e.version for e in history if e.alias == CHAMPION_ALIAS and e.version != traffic.champion]
    former = find_former(history)
    versions = {number: _find_release(transaction, traffic.loop, number) for number in wanted}
    for number in {*before[-1:], *([] if former is None else [former])} - {*wanted}:
        if transaction.versions.read_release(traffic.loop, number) is not None:
            versions[number] = _find_release(transaction, traffic.loop, number)
    return LoopTraffic(traffic=traffic, versions=versions, last_good=former if former in versions else None)


def _find_release(transaction: "Transaction", loop: str, number: int) -> ReleasePointer:
    row = transaction.versions.read_release(loop, number)
    if row is None:
        raise NotFound(
            f"version v{number} of {loop!r} is in the traffic but has no release",
            expected="a signed release of every version that is to answer",
            remedy="publish its release before it gets traffic",
        )
    return ReleasePointer(release=row.release_digest, artifact=row.artifact, signature=row.signature_hex)
