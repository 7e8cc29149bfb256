"""Unix socket: a listening socket that is a file, which this machine alone reaches and whose mode says who may."""

import errno
import os
import socket
import stat
from contextlib import suppress
from pathlib import Path

from holdtrue.errors import DeclarationError, PortTaken

MODE = 0o600
_PATH_LIMIT_BYTES = 100  # the kernel takes 107; while it is bound, the name is a few characters longer
_BACKLOG = 2_048


def bind_unix(path: Path, *, mode: int = MODE) -> socket.socket:
    """Bind a Unix socket that listens, in a file of that mode. A dead socket of this user's in its place is removed.

    The socket is not inherited by child processes unless they are told to.

    Raises:
        PortTaken: a process listens there.
        DeclarationError: something else is there, or nobody can bind a socket there.
    """
    if len(os.fsencode(path)) > _PATH_LIMIT_BYTES:
        raise DeclarationError(
            f"the path of the socket has {len(os.fsencode(path))} bytes",
            expected=f"at most {_PATH_LIMIT_BYTES}, which is what the kernel can hold",
            remedy="choose a shorter one",
        )
    _clear(path)
    draft = path.with_name(f"{path.name}.{os.getpid() % 100_000}")
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with suppress(FileNotFoundError):
            draft.unlink()
        bound.bind(str(draft))
        try:
            # Nobody is let in before the mode holds, and who came between has not been overwritten: a link is refused.
            draft.chmod(mode)
            bound.listen(_BACKLOG)
            os.link(draft, path)
        finally:
            draft.unlink()
    except FileExistsError:
        bound.close()
        raise _refuse_taken(path) from None
    except OSError as error:
        bound.close()
        raise DeclarationError(
            f"no socket can be bound at {path} ({error.strerror})",
            expected="a path in a folder that is there and that this user may write to",
        ) from None
    return bound


def read_mode(text: str) -> int:
    """Read the mode of a file as `chmod` writes it. `ValueError` when it is none.

    >>> oct(read_mode("660"))
    '0o660'
    """
    mode = int(text, 8)
    if not 0 <= mode <= 0o777:
        raise ValueError(f"{text} is no mode of a file")
    return mode


def remove_socket(path: Path, bound: socket.socket) -> None:
    """Close a bound socket and remove its file."""
    bound.close()
    with suppress(OSError):
        if not _has_listener(path):
            path.unlink()


def _clear(path: Path) -> None:
    """Remove a dead socket of this user's; refuse whatever else is there."""
    try:
        found = path.lstat()
    except OSError:  # nothing is there, or binding will say why it cannot be reached
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise DeclarationError(
            f"{path} is there, and it is no socket", expected="a path where nothing is", remedy="choose another one"
        )
    if found.st_uid != os.geteuid():
        raise DeclarationError(
            f"{path} is a socket of another user's", expected="a path where nothing is", remedy="choose another one"
        )
    if _has_listener(path):
        raise _refuse_taken(path)
    path.unlink(missing_ok=True)


def _has_listener(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except OSError as error:
            return error.errno not in {errno.ECONNREFUSED, errno.ENOENT}
    return True


def _refuse_taken(path: Path) -> PortTaken:
    return PortTaken(
        f"another process listens on {path}",
        expected="a socket that nobody listens on",
        remedy="stop that process, or choose another path with --uds",
    )
