"""Costs: the time and memory that a piece of work takes, measured in the process that does it."""

import os
import resource
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from holdtrue.domain import RunCost

_RESET_PEAK = "5"  # proc(5): writing it to clear_refs sets the peak of the resident memory back to what it is now


@dataclass(frozen=True)
class CostMeter:
    """A measurement that has begun.

    It belongs in the process where the work is done (`holdtrue.environments` runs it in a child). CPU seconds include
    the processes that the work started, living or dead; services of this process, which have a session of their own,
    do not count. Peak memory is that of the largest single process.

    >>> cost = CostMeter.start().read()
    >>> cost.wall_seconds >= 0 and cost.peak_memory_bytes > 0
    True
    """

    began: float
    cpu_seconds: float
    children_peak_bytes: int
    n_at_once: int = 1

    @classmethod
    def start(cls, *, n_at_once: int = 1) -> "CostMeter":
        """Begin to measure; of pieces of work that the process does at once each counts an equal part of its CPU."""
        _reset_peak()
        return cls(time.perf_counter(), _read_cpu_seconds(), _read_peak_of_dead_children(), n_at_once)

    def read(self) -> RunCost:
        """Return what was taken since the start; the measurement goes on."""
        peaks = [_read_peak(os.getpid()), *(_read_peak(child.pid) for child in _list_children())]
        dead = _read_peak_of_dead_children()
        if dead > self.children_peak_bytes:  # the kernel keeps only the largest of all times
            peaks.append(dead)
        return RunCost(
            wall_seconds=time.perf_counter() - self.began,
            cpu_seconds=max(0.0, _read_cpu_seconds() - self.cpu_seconds) / self.n_at_once,
            peak_memory_bytes=max(peaks),
        )


def _read_cpu_seconds() -> float:
    total = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        usage = resource.getrusage(who)
        total += usage.ru_utime + usage.ru_stime
    for child in _list_children():
        try:
            total += sum(child.cpu_times()[:4])  # its own and that of its dead children
        except psutil.Error:
            continue
    return total


def _list_children() -> list[psutil.Process]:
    found = []
    session = os.getsid(0)
    for child in psutil.Process().children(recursive=True):
        try:
            if os.getsid(child.pid) == session:
                found.append(child)
        except OSError:
            continue
    return found


def _reset_peak() -> None:
    try:
        Path("/proc/self/clear_refs").write_text(_RESET_PEAK)
    except OSError:  # another system than Linux, or not allowed: then the peak is that of the process's whole life
        return


def _read_peak(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 if pid == os.getpid() else 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)


def _read_peak_of_dead_children() -> int:
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
