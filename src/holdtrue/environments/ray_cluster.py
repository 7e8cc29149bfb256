"""Ray cluster: the connection to one, and what of its answers is a mistake that a person can mend."""

import os
import socket
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from holdtrue.errors import DeclarationError, StateConflict

ADDRESS, TOKEN_PATH = "RAY_ADDRESS", "RAY_AUTH_TOKEN_PATH"
_CONNECT_SECONDS = 5.0
_OWN = ("CPU", "GPU")
_REMEDY = "start one (`ray start --head`), join this machine to it (`ray start --address=...`), or mend the address"
_TOKEN_REMEDY = f"put the token of the cluster in a file and name it in {TOKEN_PATH}, with RAY_AUTH_MODE=token"


def connect(address: str | None) -> Any:
    """Connect this process to a cluster and return the module ray.

    Raises:
        DeclarationError: Ray is not installed, or no address is said.
        StateConflict: no cluster answers, this machine has no part in it, or the token is missing or another.
    """
    wanted = address or os.environ.get(ADDRESS)
    if not wanted:
        raise DeclarationError(
            'compute is "ray", and no cluster is named',
            expected=f"an address such as 10.0.0.1:6379 in the settings or in the variable {ADDRESS}",
        )
    if find_spec("ray") is None:
        raise DeclarationError('compute is "ray", and Ray is not installed', remedy="pip install 'holdtrue[ray]'")
    _knock(wanted)  # before Ray is loaded, which takes seconds
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # it warns at each connection otherwise
    import ray

    _join(ray, wanted)
    return ray


def _knock(address: str) -> None:
    """Refuse an address at which nothing listens: Ray itself would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        raise DeclarationError(f"the address of the cluster is {address!r}", expected="host:port, as in 10.0.0.1:6379")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _CONNECT_SECONDS).close()
    except OSError as silence:
        raise StateConflict(
            f"no Ray cluster answers at {address} ({silence})", expected="a cluster that runs", remedy=_REMEDY
        ) from silence


def _join(ray: Any, address: str) -> None:
    from ray.exceptions import AuthenticationError

    try:
        ray.init(address=address, log_to_driver=False, configure_logging=False, ignore_reinit_error=True)
    except AuthenticationError as refusal:
        raise StateConflict(
            f"the token of the Ray cluster at {address} is missing or another ({_first_line(refusal)})",
            expected=f"the token that the cluster was started with, in {_name_token()}",
            remedy=_TOKEN_REMEDY,
        ) from refusal
    except Exception as problem:  # Ray says by its own and by built-in kinds that it cannot be joined
        raise StateConflict(
            f"what listens at {address} does not take this process into its cluster ({_first_line(problem)})",
            expected=f"a Ray cluster that this machine is a part of, with this version of Ray, whose token is in "
            f"{_name_token()}",
            remedy=f"{_TOKEN_REMEDY}; or {_REMEDY}",
        ) from problem


def _name_token() -> str:
    return os.environ.get(TOKEN_PATH) or f"the file that {TOKEN_PATH} names, else ~/.ray/auth_token"


def _first_line(problem: BaseException) -> str:
    lines = (line.strip().partition(". ")[0].rstrip(".") for line in str(problem).splitlines())
    return next((line for line in lines if line), type(problem).__name__)


def list_machines(ray: Any) -> list[Mapping[str, float]]:
    """Return what each machine of the cluster that is there has in all, by Ray's names."""
    return [machine["Resources"] for machine in ray.nodes() if machine["Alive"]]


def refuse_impossible(ray: Any, wanted: Mapping[str, float]) -> None:
    """Raise `DeclarationError` for resources, by Ray's names, that no machine has: their work would wait for ever."""
    machines = list_machines(ray)
    if any(all(machine.get(name, 0) >= amount for name, amount in wanted.items()) for machine in machines):
        return
    told = "; ".join(_tell(machine) for machine in machines) or "there is none"
    raise DeclarationError(
        f"no machine of the Ray cluster has {_tell(wanted)}",
        expected=f"no more than one machine has: {told}",
        remedy="ask for less in resources=, or add such a machine to the cluster",
    )


def _tell(resources: Mapping[str, float]) -> str:
    shown = {name: amount for name, amount in sorted(resources.items()) if not name.startswith(("node:", "object_"))}
    return ", ".join(_tell_one(name, amount) for name, amount in shown.items())


def _tell_one(name: str, amount: float) -> str:
    if name == "memory":
        return f"{amount / 2**30:.1f} GiB memory"
    return f"{amount:g} {name.lower() if name in _OWN else name}"
