"""Log terms: what the prediction log is held to, as the supervisor wrote it down, and whether a loop's log has room.

The supervisor's side writes `log-policy.json`; workers look at it again each second, so that workers which outlived
their supervisor go by the terms of the next one.
"""

import os
import time
from pathlib import Path

import msgspec

from holdtrue.domain import LogPolicy
from holdtrue.errors import StoreFailed
from holdtrue.store.file import write_file

POLICY_FILE = "log-policy.json"
LOOK_SECONDS = 1.0


class LogTerms:
    """The log policy of a project, and the bytes that each loop's log holds; both at most a second old.

    Several workers write to one log: what the others write within that second is not seen, so that a budget may be
    passed by as much.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._policy = read_policy_file(folder)
        self._looked_at = time.monotonic()
        self._sizes: dict[str, int] = {}

    @property
    def policy(self) -> LogPolicy:
        """Return the policy as it stands; a file that cannot be read changes nothing."""
        if time.monotonic() - self._looked_at > LOOK_SECONDS:
            self._looked_at = time.monotonic()
            self._sizes = {}
            try:
                self._policy = read_policy_file(self._folder)
            except StoreFailed:
                return self._policy
        return self._policy

    def take_room(self, loop: str, n_bytes: int) -> StoreFailed | None:
        """Count bytes that are about to be written to a loop's log; return a failure where the budget has no room."""
        budget = self.policy.budget_bytes
        if budget is None:
            return None
        size = self._sizes.get(loop)
        if size is None:
            size = self._sizes[loop] = measure_log(self._folder / "log" / loop)
        if size + n_bytes > budget:
            return StoreFailed(
                f"the prediction log of {loop!r} holds {size:,} bytes, its budget is {budget:,}: nothing was written",
                expected="room for every row that is answered",
                remedy="raise budget in [tool.holdtrue.log] of pyproject.toml, or let old rows go (keep, when_full)",
            )
        self._sizes[loop] = size + n_bytes
        return None


def read_policy_file(folder: Path) -> LogPolicy:
    """Return the policy that was written down for a `.holdtrue` folder; the default where none was.

    Raises:
        StoreFailed: the file cannot be read.
    """
    path = folder / POLICY_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=LogPolicy)
    except FileNotFoundError:
        return LogPolicy()
    except (OSError, msgspec.MsgspecError) as error:
        raise StoreFailed(
            f"{path} cannot be read ({error})",
            expected="the file that the supervisor writes",
            remedy="remove it; `holdtrue serve` and `holdtrue up` write it anew",
        ) from error


def write_policy_file(folder: Path, policy: LogPolicy) -> None:
    """Write the policy down for the workers of a `.holdtrue` folder.

    Raises:
        StoreFailed: the disk refused; the last one stays.
    """
    try:
        write_file(folder / POLICY_FILE, msgspec.json.encode(policy))
    except OSError as error:
        raise StoreFailed(
            f"{folder / POLICY_FILE} cannot be written ({error.strerror}); it stays as it was",
            expected="a disk with free space that this user may write to",
        ) from error


def measure_log(folder: Path) -> int:
    """Return the bytes of all files of a loop's log."""
    total = 0
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                try:
                    total += entry.stat().st_size
                except FileNotFoundError:  # compacted, or removed, in this very moment
                    continue
    except FileNotFoundError:
        return 0
    return total
