"""Log keeper: the supervisor's side of the prediction log: starts the process that compacts it, when there is work."""

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

from holdtrue.data.log.child import Upkeep, name_command
from holdtrue.environments import Service, start_service
from holdtrue.store import find_closed

LOOK_SECONDS = 5.0
PAUSE_SECONDS = 60.0
UPKEEP_SECONDS = 3_600.0
MANY_BYTES = 64 * 2**20
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}


class LogKeeper:
    """Sees to it that closed segments are compacted, and that rows go when their time is over. Call `tend` often.

    Args:
        folder: the `.holdtrue` folder.
        find_upkeep: says what may be removed, each time that the process is started; None for nothing.
    """

    def __init__(self, folder: Path, *, find_upkeep: Callable[[], Upkeep | None] = lambda: None) -> None:
        self._folder = Path(folder).resolve()
        self._find_upkeep = find_upkeep
        self._child: Service | None = None
        self._tried: frozenset[Path] = frozenset()
        self._looked_at = -LOOK_SECONDS
        self._started_at = -UPKEEP_SECONDS

    def tend(self) -> bool:
        """Start the process if there is work and none runs; return whether it was started. Does not wait for it."""
        now = time.monotonic()
        if now - self._looked_at < LOOK_SECONDS or self.is_working:
            return False
        self._looked_at = now
        waited, closed = now - self._started_at, self._find_closed()
        # What a run left, because it is damaged or the run was killed, is tried again after a longer pause.
        fresh = (
            closed
            if waited >= PAUSE_SECONDS * 10
            else {path: n for path, n in closed.items() if path not in self._tried}
        )
        has_segments = sum(fresh.values()) >= MANY_BYTES or (bool(fresh) and waited >= PAUSE_SECONDS)
        if not has_segments and waited < UPKEEP_SECONDS:
            return False
        upkeep = self._find_upkeep()
        if not has_segments and upkeep is None:
            return False
        self._started_at, self._tried = now, frozenset(closed)
        command = name_command(self._folder, upkeep)
        self._child = start_service(command, log_path=self._folder / "run" / "log-keeper.log", env=_ONE_THREAD)
        return True

    @property
    def is_working(self) -> bool:
        """Say whether the process runs."""
        return self._child is not None and self._child.is_alive()

    def stop(self) -> None:
        """End the process; what it had not finished stands where it stood."""
        if self._child is not None:
            self._child.stop(grace_seconds=1.0)

    def _find_closed(self) -> dict[Path, int]:
        """Return the closed segments of all loops, and the bytes of each."""
        found = {}
        for folder in (self._folder / "log").glob("*/"):
            for path in find_closed(folder):
                with contextlib.suppress(FileNotFoundError):
                    found[path] = path.stat().st_size
        return found
