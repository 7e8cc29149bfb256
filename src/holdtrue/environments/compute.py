"""Compute: where the steps of pipelines are done: in the process at hand, or on the machines of a Ray cluster."""

import json
import os
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from holdtrue.environments.variable import VARIABLE
from holdtrue.errors import DeclarationError

if TYPE_CHECKING:
    from holdtrue.environments.ray_environment import RayEnvironment

LOCAL, RAY = "local", "ray"


@dataclass(frozen=True, kw_only=True)
class Compute:
    """Where steps are done.

    Attributes:
        engine: "local" does them in the process at hand, "ray" on a cluster.
        address: of the cluster, such as "10.0.0.1:6379"; None for that of the variable RAY_ADDRESS.
        at_once: how many trainings of a backtest go on at once, each in a local process that hands its steps on.
    """

    engine: str = LOCAL
    address: str | None = None
    at_once: int = 2

    @property
    def is_elsewhere(self) -> bool:
        """Say whether steps are done on other machines."""
        return self.engine != LOCAL

    @property
    def variables(self) -> Mapping[str, str]:
        """Return what tells a child process where its steps are done, as environment variables."""
        return {VARIABLE: json.dumps(asdict(self))} if self.is_elsewhere else {}


class _ComputeTable(msgspec.Struct, forbid_unknown_fields=True):
    engine: Literal["local", "ray"] = "local"
    address: str | None = None
    at_once: Annotated[int, msgspec.Meta(ge=2, le=64)] = 2


def read_compute(told: object, *, where: str) -> Compute:
    """Return what settings say of computing, a name or a table; raises `DeclarationError` for what cannot be meant.

    >>> read_compute("ray", where="compute").engine
    'ray'
    """
    try:
        table = msgspec.convert({"engine": told} if isinstance(told, str) else told, _ComputeTable)
    except msgspec.ValidationError as error:
        raise DeclarationError(
            f"{where}: {error}", expected='"local", "ray", or {engine = "ray", address = "10.0.0.1:6379", at_once = 4}'
        ) from error
    if table.address is not None and table.engine == LOCAL:
        raise DeclarationError(f"{where} has an address, and an engine that has none", expected='engine = "ray"')
    return Compute(engine=table.engine, address=table.address, at_once=table.at_once)


_found: "dict[str, RayEnvironment]" = {}
_search = threading.Lock()


def is_elsewhere() -> bool:
    """Say whether the steps of this process's work are to be done elsewhere."""
    return bool(os.environ.get(VARIABLE))


def find_environment() -> "RayEnvironment":
    """Return the cluster that does the steps of this process's work; there is one when that `is_elsewhere`.

    The connection to a cluster is kept as long as the process lives.

    Raises:
        StateConflict: no cluster answers, or it does not know this user.
        DeclarationError: Ray is not installed, or no address is said.
    """
    told = os.environ[VARIABLE]
    with _search:  # trials of a tuning ask at once, each in a thread
        if told not in _found:
            from holdtrue.environments.ray_environment import RayEnvironment

            _found[told] = RayEnvironment(Compute(**json.loads(told)).address)
        return _found[told]
