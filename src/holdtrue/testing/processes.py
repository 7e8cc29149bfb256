"""Processes: whether one has ended, which a test that kills must wait to know."""

import time

import psutil


def is_gone(pid: int, *, seconds: float = 5.0) -> bool:
    """Say whether a process has ended, or does within so many seconds; one that nobody has asked about yet counts."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False
