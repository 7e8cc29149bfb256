"""Lock: one controller for a loop at a time; the lock falls with the process that holds it, however that ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from holdtrue.errors import ProjectBusy

ALL, SERVING = "control.lock", "up.lock"


@contextmanager
def control_lock(folder: Path, *, loop: str | None = None) -> Iterator[None]:
    """Hold the control of a loop of the project whose `.holdtrue` folder this is, or of all of its loops.

    Loops of one folder do not exclude each other; whoever holds all of them excludes everybody.

    Raises:
        ProjectBusy: another living process holds it; its process id is named.
    """
    with ExitStack() as held:
        held.enter_context(_hold(folder / "run" / ALL, is_shared=loop is not None))
        if loop is not None:
            held.enter_context(_hold(folder / "run" / f"control-{loop}.lock"))
        yield


@contextmanager
def serving_lock(folder: Path) -> Iterator[None]:
    """Hold the workers of a project: they answer for all of its loops, and one `up` at a time sees to them.

    Raises:
        ProjectBusy: another living process holds them; its process id is named.
    """
    with _hold(folder / "run" / SERVING):
        yield


@contextmanager
def _hold(path: Path, *, is_shared: bool = False) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(handle, (fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(handle, 32).decode(errors="replace").strip() or "unknown"
            raise ProjectBusy(
                f"process {holder} controls this project already",
                expected="one `up` for a folder, and one `up`, `tick` or `train` for a loop at a time",
                remedy=f"stop process {holder}, or work in another folder",
            ) from error
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(handle)
