"""Child: the entry of a warm child process, `python -m holdtrue.environments.child REQUESTS REPLIES PARENT`.

The main thread does the work, so that user code may do all that only a main thread can. A second thread reads the
requests and ends the process group when the parent is gone.
"""

import contextlib
import ctypes
import faulthandler
import os
import queue
import signal
import sys
import threading
import time

import msgspec

from holdtrue.environments.entry import call_encoded
from holdtrue.environments.failure import make_failure, pack_failure
from holdtrue.environments.hearing import hear_always
from holdtrue.environments.limit import tell_limits
from holdtrue.environments.mark import carry_mark
from holdtrue.environments.message import (
    Begun,
    Done,
    FromChild,
    Hello,
    Limited,
    Stale,
    Told,
    Work,
    read_request,
    send_message,
)
from holdtrue.environments.modules import ModuleWatch
from holdtrue.environments.progress import Progress, listen_everywhere

DUMP_SIGNAL = signal.SIGUSR1  # asks for the traceback of the work, on stderr
_PROGRESS_SECONDS = 0.05
_PR_SET_PDEATHSIG = 1


class Replies:
    """The way back to the parent: whole messages, also when several threads tell their progress."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._lock = threading.Lock()
        self._told_at = 0.0

    def send(self, message: FromChild) -> None:
        """Send one message."""
        with self._lock:
            send_message(self._fd, message)

    def tell(self, progress: Progress) -> None:
        """Send progress, at most twenty times a second; the last of a known total always arrives."""
        now = time.monotonic()
        if now - self._told_at >= _PROGRESS_SECONDS or progress.done == progress.total:
            self._told_at = now
            self.send(Told(progress))


def do_work(work: Work, watch: ModuleWatch, replies: Replies) -> FromChild:
    """Do one piece of work and return the reply; nothing that user code raises gets past here."""
    edited = watch.find_edited()
    if edited is not None:
        return Stale(edited)
    replies.send(Begun())
    began_ns = time.time_ns()
    try:
        return Done(msgspec.Raw(call_encoded(work.entry, work.payload)))
    except BaseException as raised:
        return pack_failure(make_failure(raised))
    finally:
        watch.note_imports(began_ns)
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()


def read_requests(fd: int, waiting: "queue.SimpleQueue[Work]") -> None:
    """Hand requests on as they come; when the parent is gone, end this process and all that user code started in it."""
    while (message := read_request(fd)) is not None:
        if isinstance(message, Hello):
            sys.path[:] = message.module_path
        else:
            waiting.put(message)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def die_with_parent(parent_pid: int) -> None:
    """Have the kernel end this process with its parent, also while native code lets no other thread run."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:
        os._exit(1)


def main() -> None:
    """Do work as it comes, until the parent ends this process or is gone."""
    requests, replies_fd, parent_pid = (int(argument) for argument in sys.argv[1:4])
    for fd in (requests, replies_fd):
        os.set_inheritable(fd, False)
    die_with_parent(parent_pid)
    carry_mark()
    faulthandler.enable()
    faulthandler.register(DUMP_SIGNAL, all_threads=False)
    del sys.argv[1:]
    waiting: queue.SimpleQueue[Work] = queue.SimpleQueue()
    threading.Thread(target=read_requests, args=(requests, waiting), name="requests", daemon=True).start()
    replies = Replies(replies_fd)
    listen_everywhere(replies.tell)
    hear_always()
    tell_limits(lambda limit: replies.send(Limited(limit)))
    watch = ModuleWatch()
    while True:
        reply = do_work(waiting.get(), watch, replies)
        try:
            replies.send(reply)
        except OSError as problem:
            print(f"The reply cannot be sent ({problem}): the work has closed files that it did not open.", flush=True)
            os._exit(1)


if __name__ == "__main__":
    main()
