"""What all tests share: one thread for each library that computes, and one PostgreSQL server where it is asked for.

The tests share the cores already. Threads that wait for each other on cores that others use spin: an example that
trains in one second took more than ten.
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# Here, as the libraries read it when they are loaded; child processes inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Ray reads it once a process, when it is loaded: whichever test does so first decides for those of the cluster.
os.environ.setdefault("RAY_AUTH_MODE", "token")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Any]:
    """A PostgreSQL server of this session's own; its disk is not waited for."""
    # Not in pytest's own folder: whatever session of pytest begins next shuts that to the user whom the server runs as.
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(prefix="holdtrue-pg") as folder:
        patch.setenv("XDG_RUNTIME_DIR", folder)
        pgserver = pytest.importorskip("pgserver")
        pytest.importorskip("psycopg")
        server = pgserver.get_server(Path(folder) / "data", cleanup_mode="delete")
        try:
            server.psql("ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf();")
            yield server
        finally:
            server.cleanup()


@pytest.fixture(scope="session")
def postgres(postgres_server: Any) -> str:
    """The URL of the session's PostgreSQL server, for a user who may do everything."""
    return str(postgres_server.get_uri())
