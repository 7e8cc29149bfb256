"""A PostgreSQL server of one's own for a while: from the wheel `pgserver`, else from the binaries of the system."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def run_postgres() -> Iterator[str]:
    """Start a server in a fresh folder, on a socket alone, and give its URL; it is stopped and removed at the end."""
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        os.environ["XDG_RUNTIME_DIR"] = folder  # where the wheel keeps its lock and socket
        try:
            from pgserver.postgres_server import get_server
        except ImportError:
            with _run_system_server(Path(folder)) as url:
                yield url
            return
        server = get_server(Path(folder) / "data", cleanup_mode="delete")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


@contextmanager
def _run_system_server(folder: Path) -> Iterator[str]:
    programs = find_programs()
    user = "postgres" if os.geteuid() == 0 else None  # the server refuses to run as root
    if user is not None:
        shutil.chown(folder, user)
    data = folder / "data"

    def call(program: str, *arguments: str) -> None:
        command = [str(programs / program), "-D", str(data), *arguments]
        subprocess.run(command, check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL)

    call("initdb", "--auth=trust", "--encoding=UTF8", "--username=postgres")
    call("pg_ctl", "-w", "-l", str(folder / "log"), "-o", f"-h '' -k {folder}", "start")
    try:
        yield f"postgresql://postgres@/postgres?host={folder}"
    finally:
        call("pg_ctl", "-w", "-m", "fast", "stop")


def find_programs() -> Path:
    """Return the folder of `initdb`, the newest where there are several."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if not folders:
        raise SystemExit("no PostgreSQL: pip install pgserver, or apt-get install postgresql")
    return folders[-1]
