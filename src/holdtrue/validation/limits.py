"""Limits: what a process that loads bytes of others may take, set in that process before it loads them."""

import resource


def limit_process(memory_bytes: int, seconds: int) -> None:
    """Limit memory, processor time, written files and core dumps of this process for good."""
    wanted = {
        resource.RLIMIT_DATA: memory_bytes,
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
    }
    for what, limit in wanted.items():
        _, hard = resource.getrlimit(what)
        allowed = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(what, (allowed, allowed))
