"""Slot: a place for one piece of work at a time, in a warm child process that is replaced when it dies."""

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping

import msgspec

from holdtrue.domain import Json
from holdtrue.environments.failure import add_output, describe_death, drop_own_frames, unpack_failure
from holdtrue.environments.guard import Guard
from holdtrue.environments.limit import LimitWatch
from holdtrue.environments.message import (
    Done,
    Failed,
    FromChild,
    Hello,
    Inbox,
    Limited,
    Stale,
    Told,
    Work,
    send_message,
)
from holdtrue.environments.output import BoundedOutput
from holdtrue.environments.progress import Listener
from holdtrue.errors import StateConflict, TrainingFailed

_POLL_SECONDS = 0.25
_CHUNK_BYTES = 1 << 16
_DRAIN_BYTES = 4 << 20
_DUMP_SECONDS = 0.1
_ATTEMPTS = 3  # a child that died while idle, one that turns out stale, a fresh one


class WarmChild:
    """The parent's side of one child process. All but `kill` is called from one thread, which started the child.

    The kernel ends the child when that thread ends (see `die_with_parent`), so the thread must outlive the child.
    """

    def __init__(self, variables: Mapping[str, str], output: BoundedOutput) -> None:
        request_read, self._requests = os.pipe()
        self._replies, reply_write = os.pipe()
        self._prints, print_write = os.pipe()
        self._output = output
        self._guard = Guard()
        self._inbox = Inbox()
        self._lock = threading.Lock()
        self._is_reaped = False
        self.is_silent = False  # whether the last `receive` read nothing of the replies
        arguments = [str(request_read), str(reply_write), str(os.getpid())]
        self._process = subprocess.Popen(
            # -P: the folder that we happen to be in must not come before the standard library.
            [sys.executable, "-u", "-P", "-m", "holdtrue.environments.child", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=print_write,
            stderr=print_write,
            pass_fds=(request_read, reply_write),
            env={**os.environ, **variables, **self._guard.variables},
            process_group=0,  # Ctrl-C is the parent's to answer, and whatever the child starts can be ended with it
        )
        for fd in (request_read, reply_write, print_write):
            os.close(fd)
        self._guard.watch(self._process.pid)
        self.watch = LimitWatch(self._process.pid)
        self._selector = selectors.DefaultSelector()
        for fd in (self._replies, self._prints):
            os.set_blocking(fd, False)
            self._selector.register(fd, selectors.EVENT_READ)
        with contextlib.suppress(BrokenPipeError):
            send_message(self._requests, Hello(module_path=list(sys.path)))

    def send(self, work: Work) -> bool:
        """Send work; False when the child is no longer there to begin it."""
        if self.is_dead():
            return False
        try:
            send_message(self._requests, work)
        except BrokenPipeError:
            return False
        return True

    def receive(self, seconds: float) -> list[FromChild]:
        """Wait for up to so many seconds and return the messages that came; what was printed goes to the output."""
        messages: list[FromChild] = []
        self.is_silent = True
        for key, _ in self._selector.select(max(0.0, min(seconds, _POLL_SECONDS))):
            piece = self._read(key.fd)
            if key.fd == self._prints:
                self._output.append(piece)
            else:
                self.is_silent = not piece
                messages += self._inbox.feed(piece)
        return messages

    def drain_output(self) -> None:
        """Take what is printed and not yet read; not more than a limit, since a thread may go on printing for ever."""
        for _ in range(_DRAIN_BYTES // _CHUNK_BYTES):
            piece = self._read(self._prints)
            if not piece:
                return
            self._output.append(piece)

    def is_dead(self) -> bool:
        """Say whether the child has ended. It is left as a zombie, so that its pid and group stay ours until `end`."""
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return self._is_reaped or os.waitid(os.P_PID, self._process.pid, options) is not None

    def dump_traceback(self) -> None:
        """Have the child print where it is."""
        self._process.send_signal(signal.SIGUSR1)
        time.sleep(_DUMP_SECONDS)

    def kill(self) -> None:
        """Kill the child and all that it started; from any thread."""
        with self._lock:
            if not self._is_reaped:
                # A group that has just ended is no longer there to be killed.
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._process.pid, signal.SIGKILL)

    def end(self) -> int:
        """Kill the child, if it lives, take its last output and give back what it held; return its return code."""
        self.kill()
        self._guard.end()
        with self._lock:
            return_code = self._process.wait()
            self._is_reaped = True
        self.drain_output()
        self._selector.close()
        for fd in (self._requests, self._replies, self._prints):
            os.close(fd)
        return return_code

    def _read(self, fd: int) -> bytes:
        try:
            piece = os.read(fd, _CHUNK_BYTES)
        except BlockingIOError:
            return b""
        if not piece:
            with contextlib.suppress(KeyError):
                self._selector.unregister(fd)
        return piece


class Slot:
    """Does one piece of work after another. The thread that calls `run` must stay the same (see `WarmChild`)."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self._output = BoundedOutput()
        self._child: WarmChild | None = None
        self._lock = threading.Lock()
        self._is_stopped = False

    def run(self, work: Work, *, timeout_seconds: float | None, on_progress: Listener | None) -> Json:
        """Do the work in the warm child and return its result; a child that is dead or stale is replaced."""
        self._output.clear()
        return_code = 0
        for _ in range(_ATTEMPTS):
            child = self._take_child()
            reply = self._await_reply(child, timeout_seconds, on_progress) if child.send(work) else None
            if reply is None or isinstance(reply, Stale):
                return_code = self._end_child()
                continue
            child.drain_output()
            if isinstance(reply, Failed):
                raise add_output(unpack_failure(reply), self._output.tail())
            return msgspec.json.decode(reply.result)
        raise describe_death(return_code, output=self._output.tail())

    def interrupt(self) -> None:
        """Kill the child, so that its work fails; the next work gets another. From any thread."""
        with self._lock:
            if self._child is not None:
                self._child.kill()

    def stop(self) -> None:
        """Kill the child and start no other; from any thread."""
        with self._lock:
            self._is_stopped = True
            if self._child is not None:
                self._child.kill()

    def close(self) -> None:
        """Give everything back; from the thread that calls `run`."""
        self._end_child()
        self._output.close()

    def _take_child(self) -> WarmChild:
        with self._lock:
            self._refuse_when_stopped()
            if self._child is None:
                self._child = WarmChild(self._variables, self._output)
            return self._child

    def _end_child(self) -> int:
        with self._lock:
            child, self._child = self._child, None
        return child.end() if child is not None else 0

    def _refuse_when_stopped(self) -> None:
        if self._is_stopped:
            found = "the environment was closed before the work was done"
            raise StateConflict(found, remedy="submit the work to an open one")

    def _await_reply(
        self, child: WarmChild, timeout_seconds: float | None, on_progress: Listener | None
    ) -> Done | Failed | Stale | None:
        """Return the reply, or None when the child died before it began the work."""
        deadline = float("inf") if timeout_seconds is None else time.monotonic() + timeout_seconds
        has_begun = False
        while True:
            was_dead = child.is_dead()
            messages = child.receive(min(deadline - time.monotonic(), child.watch.patience_seconds))
            for message in messages:
                if isinstance(message, Done | Failed | Stale):
                    return message
                has_begun = True
                if isinstance(message, Limited):
                    child.watch.set(message.limit)
                if isinstance(message, Told) and on_progress is not None:
                    self._tell(message, on_progress)
            if was_dead and child.is_silent:
                if not has_begun:
                    return None
                raise self._explain_death()
            problem = child.watch.find_breach()
            if problem is None and time.monotonic() >= deadline:
                problem = _name_late(timeout_seconds)
            if problem is not None:
                raise self._stop(child, problem)

    def _explain_death(self) -> TrainingFailed:
        work = "" if self._child is None else self._child.watch.name
        return_code = self._end_child()
        with self._lock:
            self._refuse_when_stopped()
        return describe_death(return_code, output=self._output.tail(), work=work)

    def _tell(self, message: Told, on_progress: Listener) -> None:
        try:
            on_progress(message.progress)
        except BaseException:
            self._end_child()
            raise

    def _stop(self, child: WarmChild, problem: TrainingFailed) -> TrainingFailed:
        child.drain_output()
        child.dump_traceback()
        self._end_child()
        problem.traceback_text = drop_own_frames(self._output.tail())
        return problem


def _name_late(timeout_seconds: float | None) -> TrainingFailed:
    return TrainingFailed(
        f"the work was still running after {timeout_seconds:g} seconds and was stopped",
        remedy="allow it more time, or give it fewer rows",
    )
