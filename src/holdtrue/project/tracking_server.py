"""TrackingServer: an MLflow tracking server, spoken to over its HTTP interface."""

import base64
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage
from types import MappingProxyType
from typing import IO, Any

import msgspec

from holdtrue.domain import Json
from holdtrue.errors import DeclarationError, StoreFailed, TrackingRefused

SECONDS = 60.0
EXISTS = "RESOURCE_ALREADY_EXISTS"
_ABSENT = "RESOURCE_DOES_NOT_EXIST"
_API = "/api/2.0/mlflow/"
_ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts/"
_PROXIED = "mlflow-artifacts"
_UNKNOWN_SENDER = (401, 403)  # all that is asked is refused to such a one
_AT_ONCE = 100  # of parameters, metrics and tags in one call


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the token somewhere else."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        return None


@dataclass(frozen=True)
class TrackingServer:
    """Writes runs and versions to the server at a URI; whatever is written twice is there once.

    Who asks is said by MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, as to MLflow
    itself.

    Raises:
        DeclarationError: the URI is not one of http or https, or holds a user.
        StoreFailed: from every method, when the server cannot be reached, or does not know who asks.
        TrackingRefused: from every method, when it does not take what is written.
    """

    uri: str

    def __post_init__(self) -> None:
        try:
            parts = urllib.parse.urlsplit(self.uri)
        except ValueError:
            parts = urllib.parse.SplitResult("", "", "", "", "")
        if "@" in self.uri:  # also one that is torn by what the password holds
            raise DeclarationError(
                f"the tracking server ***@{self.uri.rpartition('@')[2]} with a user",
                expected="a URI such as http://127.0.0.1:5000",
                remedy="set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN",
            )
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise DeclarationError(f"the tracking server {self.uri!r}", expected="a URI such as http://127.0.0.1:5000")

    def find_experiment(self, name: str) -> str:
        """Return the id of the experiment of a name; it is made where it is not there."""
        query = urllib.parse.urlencode({"experiment_name": name})
        found = self._ask("GET", f"{_API}experiments/get-by-name?{query}", passes=(_ABSENT,))
        if found is None:
            found = self._ask("POST", f"{_API}experiments/create", {"name": name}, passes=(EXISTS,))
            if found is None:
                return self.find_experiment(name)
            return str(found["experiment_id"])
        return str(found["experiment"]["experiment_id"])

    def find_run(self, experiment: str, tag: str, value: str) -> Mapping[str, Any] | None:
        """Return the run of an experiment that has a tag with this value."""
        asked = {"experiment_ids": [experiment], "filter": f"tags.`{tag}` = '{value}'", "max_results": 1}
        found = (self._call("runs/search", asked).get("runs") or [None])[0]
        return found if isinstance(found, dict) else None

    def create_run(self, experiment: str, *, name: str, started_ms: int, tags: Mapping[str, str]) -> Mapping[str, Any]:
        """Return a new run."""
        asked = {"experiment_id": experiment, "run_name": name, "start_time": started_ms, "tags": _pair(tags)}
        run = self._call("runs/create", asked)["run"]
        return run if isinstance(run, dict) else {}

    def log(
        self,
        run_id: str,
        *,
        at_ms: int,
        metrics: Mapping[str, float] = MappingProxyType({}),
        params: Mapping[str, str] = MappingProxyType({}),
        tags: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Write metrics, parameters and tags; the same ones again change nothing."""
        told = [{"key": key, "value": value, "timestamp": at_ms, "step": 0} for key, value in metrics.items()]
        for kind, things in (("metrics", told), ("params", _pair(params)), ("tags", _pair(tags))):
            for start in range(0, len(things), _AT_ONCE):
                self._call("runs/log-batch", {"run_id": run_id, kind: things[start : start + _AT_ONCE]})

    def end_run(self, run_id: str, *, status: str, ended_ms: int) -> None:
        """Say how and when a run ended."""
        self._call("runs/update", {"run_id": run_id, "status": status, "end_time": ended_ms})

    def upload(self, artifact_uri: str, files: Mapping[str, bytes]) -> None:
        """Write files below the artifacts of a run, through the server.

        Raises:
            StoreFailed: the server hands its artifacts to others to keep, and takes none itself.
        """
        parts = urllib.parse.urlsplit(artifact_uri)
        if parts.scheme != _PROXIED:
            raise StoreFailed(
                f"the tracking server keeps its artifacts at {parts.scheme or 'a path'}:, and takes none itself",
                expected="a server that takes artifacts",
                remedy="start it with mlflow server --serve-artifacts, which is its default, and a new experiment",
            )
        for name, data in files.items():
            path = urllib.parse.quote(f"{parts.path.strip('/')}/{name}")
            self._send("PUT", f"{_ARTIFACTS}{path}", data, "application/octet-stream")

    def register_version(self, model: str, *, run_id: str, source: str, tags: Mapping[str, str]) -> str:
        """Return the number of the model's version from a run; it is made where it is not there."""
        self._ask("POST", f"{_API}registered-models/create", {"name": model}, passes=(EXISTS,))
        query = urllib.parse.urlencode({"filter": f"run_id='{run_id}'", "max_results": 100})
        found = self._ask("GET", f"{_API}model-versions/search?{query}") or {}
        for each in found.get("model_versions") or []:
            if each["name"] == model:
                return str(each["version"])
        asked = {"name": model, "source": source, "run_id": run_id, "tags": _pair(tags)}
        return str(self._call("model-versions/create", asked)["model_version"]["version"])

    def point_alias(self, model: str, alias: str, version: str) -> None:
        """Point an alias of a model at a version."""
        self._call("registered-models/alias", {"name": model, "alias": alias, "version": version})

    def _call(self, path: str, asked: Json) -> Mapping[str, Any]:
        return self._ask("POST", f"{_API}{path}", asked) or {}

    def _ask(self, method: str, path: str, asked: Json = None, *, passes: Sequence[str] = ()) -> dict[str, Any] | None:
        body = None if method == "GET" else msgspec.json.encode(asked)
        answered = self._send(method, path, body, "application/json", passes=passes)
        if answered is None:
            return None
        try:
            return msgspec.json.decode(answered or b"{}", type=dict[str, Any])
        except msgspec.MsgspecError as error:
            raise StoreFailed(
                f"{self.uri} answers {path.partition('?')[0]} with no JSON ({answered[:100]!r})",
                expected="an MLflow tracking server",
            ) from error

    def _send(
        self, method: str, path: str, body: bytes | None, kind: str, *, passes: Sequence[str] = ()
    ) -> bytes | None:
        headers = {"Content-Type": kind, **_name_sender()}
        request = urllib.request.Request(self.uri.rstrip("/") + path, data=body, headers=headers, method=method)
        try:
            with urllib.request.build_opener(_NoRedirect).open(request, timeout=SECONDS) as answered:
                return bytes(answered.read())
        except urllib.error.HTTPError as refusal:
            told = refusal.read(4000).decode("utf-8", "replace")
            if any(code in told for code in passes):
                return None
            kind_of = StoreFailed if refusal.code in _UNKNOWN_SENDER else TrackingRefused
            raise kind_of(
                f"{self.uri} refuses {method} {path.partition('?')[0]} ({refusal.code}): {told[:500]}",
                expected="an MLflow tracking server that takes what is written",
                remedy="look at its log; MLFLOW_TRACKING_TOKEN, or ..._USERNAME and ..._PASSWORD say who asks",
            ) from refusal
        except (OSError, HTTPException) as error:
            raise StoreFailed(
                f"the tracking server at {self.uri} cannot be reached ({error})", remedy="start it, and export again"
            ) from error


def _pair(things: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in things.items()]


def _name_sender() -> dict[str, str]:
    token, user = os.environ.get("MLFLOW_TRACKING_TOKEN"), os.environ.get("MLFLOW_TRACKING_USERNAME")
    if token:
        return {"Authorization": f"Bearer {token}"}
    if user:
        pair = f"{user}:{os.environ.get('MLFLOW_TRACKING_PASSWORD', '')}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    return {}
