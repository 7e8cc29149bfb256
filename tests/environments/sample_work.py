"""Work that the tests of this room submit; imported by child processes."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from holdtrue.environments import Limit, limiting, report_progress
from holdtrue.errors import ColumnMissing, RequestInvalid


def miss_file(_: None) -> None:
    raise FileNotFoundError("no file caf\udce9.csv")


def echo(payload: Any) -> Any:
    return payload


def name_process(_: None) -> int:
    return os.getpid()


def divide(pair: list[float]) -> float:
    left, right = pair
    return left / right


def wrap_error(_: None) -> None:
    try:
        divide([1, 0])
    except ZeroDivisionError as cause:
        raise ValueError("no share") from cause


def miss_column(_: None) -> None:
    raise ColumnMissing("the column late is not there", expected="one of: a, b", remedy="name another")


class LocalError(ColumnMissing):
    pass


def raise_local_error(_: None) -> None:
    raise LocalError("a descendant")


def refuse_request(_: None) -> None:
    raise RequestInvalid("too large", path="$.rows[2]")


def leave(code: int) -> None:
    sys.exit(code)


def vanish(code: int) -> None:
    os._exit(code)


def interrupt(_: None) -> None:
    raise KeyboardInterrupt


def kill_self(name: str) -> None:
    print("about to die")
    os.kill(os.getpid(), getattr(signal, name))
    time.sleep(5)


def read_address_zero(_: None) -> None:
    ctypes.string_at(0)


def sleep(seconds: float) -> str:
    time.sleep(seconds)
    return "rested"


def hold_interpreter(_: None) -> None:
    sum(range(10**12))  # lets no other thread of the process run


def return_set(_: None) -> Any:
    return {object()}


def count(n: int) -> int:
    for done in range(1, n + 1):
        report_progress(done, total=n, text="rows")
        time.sleep(0.01)
    return n


def count_in_thread(n: int) -> int:
    thread = threading.Thread(target=count, args=(n,))
    thread.start()
    thread.join()
    return n


def print_much(n_megabytes: int) -> None:
    line = "x" * 1023 + "\n"
    for _ in range(n_megabytes):
        sys.stdout.write(line * 1024)
    print("the very last line")
    raise ValueError("after all that")


def print_and_fail(text: str) -> None:
    print(text)
    raise ValueError("failed after printing")


def start_grandchild(path: str) -> None:
    process = subprocess.Popen(["sleep", "60"])
    with Path(path).open("w") as file:
        file.write(f"{os.getpid()} {process.pid}")
    time.sleep(60)


def start_runaway(path: str) -> None:
    process = subprocess.Popen(["sleep", "60"], start_new_session=True)
    with Path(path).open("w") as file:
        file.write(f"{os.getpid()} {process.pid}")


def start_stranger(path: str) -> None:
    """Start a process that nothing ties to this one: no parent that lives, no session, no environment variables."""
    code = "sleep 60 > /dev/null 2>&1 & echo $!"
    told = subprocess.run(["/bin/sh", "-c", code], env={}, start_new_session=True, capture_output=True, check=True)
    with Path(path).open("w") as file:
        file.write(f"{os.getpid()} {int(told.stdout)}")


def start_stranger_and_vanish(path: str) -> None:
    start_stranger(path)
    os._exit(3)


def start_runaway_and_vanish(path: str) -> None:
    start_runaway(path)
    os._exit(3)


def close_files(_: None) -> None:
    os.closerange(3, 256)


def kill_self_within(_: None) -> None:
    with limiting(Limit(name="the step fit")):
        os.kill(os.getpid(), signal.SIGKILL)


def read_variable(name: str) -> str | None:
    return os.environ.get(name)


def read_input(_: None) -> str:
    return sys.stdin.read()


def answer_much_and_die(n_megabytes: int) -> str:
    threading.Timer(0.3, os._exit, args=(9,)).start()
    return "x" * (n_megabytes << 20)


def sleep_within(seconds: float) -> str:
    with limiting(Limit(name="the step fit", seconds=0.3)):
        time.sleep(seconds)
    with limiting(Limit(name="the step judge", seconds=30)):
        return "done"


def hold_within(n_mebibytes: int) -> int:
    with limiting(Limit(name="the step fit", memory_bytes=400 << 20)):
        held = bytearray(b"x") * (n_mebibytes << 20)
        time.sleep(0.4)
        return len(held)
