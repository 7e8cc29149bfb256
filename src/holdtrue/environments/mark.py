"""Mark: how all that a child starts is known, whatever it leaves behind: parent, group, session, environment variables.

On Linux the mark is a limit of processes that nothing else uses, the time that a real-time process may take without a
pause. It is set to more than 70,000 years, which is as good as none, by a number that nobody else has. A
process inherits its limits from the one that starts it and keeps them over `exec`, and anyone may read them.
"""

import contextlib
import os
import sys

VARIABLE = "HOLDTRUE_WORK"
_LONG = 1 << 61  # microseconds
_N_DIGITS = 15  # of the mark in base 16, so that the sum is below 2 ** 62


def number_mark(mark: str) -> int:
    """Return the limit that stands for a mark.

    >>> number_mark("f" * 32) < 2**62
    True
    """
    return _LONG + int(mark[:_N_DIGITS], 16)


def carry_mark() -> None:
    """Have this process, and all that it starts from now on, carry the mark that its variables name."""
    mark = os.environ.get(VARIABLE)
    if mark is None or sys.platform != "linux":
        return
    import resource

    hard = resource.getrlimit(resource.RLIMIT_RTTIME)[1]
    with contextlib.suppress(OSError, ValueError):  # where a lower limit is set the variables alone must do
        resource.setrlimit(resource.RLIMIT_RTTIME, (number_mark(mark), hard))
