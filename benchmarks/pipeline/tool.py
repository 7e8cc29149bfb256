"""Tools: how each peer is installed, started, gone on with after a kill, and kept from telling anybody."""

import contextlib
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

sys.path.insert(1, str(Path(__file__).parents[1] / "judgement"))

from peers import Peer, Skipped

HERE = Path(__file__).parent
OPT_OUTS = {
    "DO_NOT_TRACK": "1",
    "HAMILTON_TELEMETRY_ENABLED": "false",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DAGSTER_DISABLE_TELEMETRY": "1",
    "METAFLOW_DEFAULT_DATASTORE": "local",
    "ZENML_ANALYTICS_OPT_IN": "false",
}


@dataclass(frozen=True)
class Tool:
    """A tool of pipelines: where it comes from and what it can do.

    Attributes:
        peer: what is installed; None for what runs in this environment.
        program: the file in `tools`.
        has_cache: whether it keeps outputs of steps for later runs.
        resume: what a person gives the program after a kill, beside running it again.
        by: who goes on after a kill.
        has_server: whether it needs a server of its own.
    """

    name: str
    program: str
    peer: Peer | None = None
    has_cache: bool = False
    resume: str = "chain"
    by: str = "run again by hand"
    has_server: bool = False


TOOLS = (
    Tool("plain Python", "with_plain.py"),
    Tool("holdtrue", "with_holdtrue.py", has_cache=True),
    Tool("Hamilton", "with_hamilton.py", Peer("sf-hamilton", "hamilton", ("sf-hamilton",)), has_cache=True),
    Tool("DBOS", "with_dbos.py", Peer("dbos", "dbos", ("dbos",)), resume="resume", by="by itself, when started again"),
    Tool("Dagster", "with_dagster.py", Peer("dagster", "dagster", ("dagster",)), resume="resume",
         by="re-executed from the failure by hand"),
    Tool("Metaflow", "with_metaflow.py", Peer("metaflow", "metaflow", ("metaflow",)), resume="resume",
         by="resumed by hand"),
    Tool("ZenML", "with_zenml.py", Peer("zenml", "zenml", ("zenml[local]",)), has_cache=True),
    Tool("Prefect", "with_prefect.py", Peer("prefect", "prefect", ("prefect",)), has_cache=True, has_server=True),
)  # fmt: skip


@dataclass(frozen=True)
class Done:
    """A finished process: seconds of the wall and of the processor, children and server included, and what it said."""

    wall_seconds: float
    cpu_seconds: float
    result: str | None
    code: int
    said: str


@dataclass(frozen=True)
class Bench:
    """A tool ready to be run."""

    tool: Tool
    python: Path
    home: Path
    server: psutil.Process | None = None
    url: str = ""

    def start(self, folder: Path, *arguments: str) -> "subprocess.Popen[bytes]":
        """Start the tool's program in a folder and in a session of its own."""
        place = folder.resolve()
        here = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("PREFECT", "ZENML"))},
            **OPT_OUTS,
            "HOME": str(self.home), "USERNAME": "bench", "METAFLOW_USER": "bench", "DAGSTER_HOME": str(place),
            "ZENML_CONFIG_PATH": str(self.home / "zenml"), "ZENML_LOGGING_VERBOSITY": "WARN",
            "PREFECT_HOME": str(self.home / "prefect"), "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": os.pathsep.join([str(place), str(place / "site"), *self._own_path()]),
            **({"PREFECT_API_URL": self.url} if self.url else {}),
        }  # fmt: skip
        with (place / "said").open("wb") as said:
            return subprocess.Popen(
                [str(self.python), str(HERE / "tools" / self.tool.program), *arguments],
                cwd=place, env=here, stdout=said, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    def run(self, folder: Path, *arguments: str, time_limit: float) -> Done:
        """Run the tool's program to its end; raises Skipped when that does not come in time."""
        before, began = self._read_server(), time.perf_counter()
        process = self.start(folder, *arguments)
        try:
            status, usage = _await_end(process.pid, began + time_limit)
        except BaseException:  # also an interrupt: nothing that was started here is left
            end(process)
            raise
        if usage is None:
            end(process)
            raise Skipped(f"over {time_limit:.0f} s")
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        said = (folder / "said").read_text(encoding="utf-8", errors="replace")
        found = re.findall(r"RESULT (\S+)", said)
        cpu = usage.ru_utime + usage.ru_stime + self._read_server() - before
        return Done(wall, cpu, found[-1] if found else None, process.returncode, said)

    def _own_path(self) -> list[str]:
        return [each for each in sys.path if each] if self.tool.peer is None else []

    def _read_server(self) -> float:
        if self.server is None:
            return 0.0
        times = [each.cpu_times() for each in (self.server, *self.server.children(recursive=True))]
        return float(sum(each.user + each.system for each in times))


def _await_end(pid: int, deadline: float) -> tuple[int, "resource.struct_rusage | None"]:
    """Return how a process ended and what it took; nothing of the latter when it runs still at the deadline."""
    while time.perf_counter() < deadline:
        ended, status, usage = os.wait4(pid, os.WNOHANG)
        if ended:
            return status, usage
        time.sleep(0.002)
    return 0, None


def end(process: "subprocess.Popen[bytes]") -> None:
    """Kill a process that was started here, with all in its session's group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextlib.contextmanager
def open_bench(tool: Tool, python: Path, home: Path) -> Iterator[Bench]:
    """Give a tool a home of its own, and its server for as long as the block runs."""
    home.mkdir(parents=True, exist_ok=True)
    if not tool.has_server:
        yield Bench(tool, python, home)
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    here = {**os.environ, **OPT_OUTS, "HOME": str(home), "PREFECT_HOME": str(home / "prefect")}
    command = [str(python), "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen(command, env=here, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        url = f"http://127.0.0.1:{port}/api"
        _await_server(f"{url}/health", server)
        yield Bench(tool, python, home, psutil.Process(server.pid), url)
    finally:
        end(server)


def _await_server(url: str, server: "subprocess.Popen[bytes]", seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    raise Skipped("its server does not start")
