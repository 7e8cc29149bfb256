"""Log keeper: the supervisor's side of the prediction log: starts the process that compacts it, when there is work."""

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
        self._looked_at = -LOOK_SECONDS
        self._started_at = -UPKEEP_SECONDS

    def tend(self) -> bool:
        """Start the process if there is work and none runs; return whether it was started. Does not wait for it."""
        now = time.monotonic()
        if now - self._looked_at < LOOK_SECONDS or self.is_working:
            return False
        self._looked_at = now
        waited, n_bytes = now - self._started_at, self._count_closed_bytes()
        has_segments = n_bytes >= MANY_BYTES or (n_bytes > 0 and waited >= PAUSE_SECONDS)
        if not has_segments and waited < UPKEEP_SECONDS:
            return False
        upkeep = self._find_upkeep()
        if not has_segments and upkeep is None:
            return False
        self._started_at = now
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

    def _count_closed_bytes(self) -> int:
        total = 0
        for folder in (self._folder / "log").glob("*/"):
            for path in find_closed(folder):
                try:
                    total += max(1, path.stat().st_size)
                except FileNotFoundError:
                    continue
        return total
