"""Lock: one controller for a project at a time; the lock falls with the process that holds it, however that ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from holdtrue.errors import ProjectBusy


@contextmanager
def control_lock(folder: Path) -> Iterator[None]:
    """Hold the control of the project whose `.holdtrue` folder this is.

    Raises:
        ProjectBusy: another living process holds it; its process id is named.
    """
    path = folder / "run" / "control.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(handle, 32).decode(errors="replace").strip() or "unknown"
            raise ProjectBusy(
                f"process {holder} controls this project already",
                expected="one `up`, `tick` or `train` at a time",
                remedy=f"stop process {holder}, or work in another folder",
            ) from error
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(handle)
