"""A tracking server made by hand: the HTTP forms of MLflow that an export needs, kept in memory."""

import json
import posixpath
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass
class Tracked:
    """What a server was told."""

    uri: str = ""
    artifact_scheme: str = "mlflow-artifacts"
    experiments: dict[str, str] = field(default_factory=dict)
    runs: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    models: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    senders: set[str] = field(default_factory=set)
    fails_at: str = ""
    refuses: str = ""

    def answer(self, path: str, query: dict[str, list[str]], asked: dict[str, Any]) -> dict[str, Any] | None:
        """Answer one call; None says that the thing is there or is not there, whatever the call is about."""
        answers = {
            "experiments/get-by-name": self._find_experiment,
            "experiments/create": self._create_experiment,
            "runs/search": self._search,
            "runs/create": self._create_run,
            "runs/log-batch": self._log,
            "runs/update": self._end,
            "registered-models/create": self._create_model,
            "registered-models/alias": self._alias,
            "model-versions/search": self._list_versions,
            "model-versions/create": self._create_version,
        }
        return answers[path]({**{key: values[0] for key, values in query.items()}, **asked})

    def _find_experiment(self, asked: dict[str, Any]) -> dict[str, Any] | None:
        found = self.experiments.get(asked["experiment_name"])
        return None if found is None else {"experiment": {"experiment_id": found}}

    def _create_experiment(self, asked: dict[str, Any]) -> dict[str, Any]:
        self.experiments[asked["name"]] = "1"
        return {"experiment_id": "1"}

    def _search(self, asked: dict[str, Any]) -> dict[str, Any]:
        value = asked["filter"].split("'")[1]
        return {"runs": [run for run in self.runs if {"key": "holdtrue.run_id", "value": value} in run["data"]["tags"]]}

    def _create_run(self, asked: dict[str, Any]) -> dict[str, Any]:
        run_id = f"r{len(self.runs)}"
        info = {"run_id": run_id, "artifact_uri": f"{self.artifact_scheme}:/1/{run_id}/artifacts"}
        run = {"info": info, "data": {"tags": asked["tags"], "params": [], "metrics": []}}
        self.runs.append(run)
        return {"run": run}

    def _log(self, asked: dict[str, Any]) -> dict[str, Any]:
        (run,) = (run for run in self.runs if run["info"]["run_id"] == asked["run_id"])
        for kind in ("metrics", "params", "tags"):
            run["data"][kind] += [each for each in asked.get(kind, ()) if each not in run["data"][kind]]
        return {}

    def _end(self, asked: dict[str, Any]) -> dict[str, Any]:
        (run,) = (run for run in self.runs if run["info"]["run_id"] == asked["run_id"])
        run["info"] |= {"status": asked["status"], "end_time": asked["end_time"]}
        return {}

    def _create_model(self, asked: dict[str, Any]) -> dict[str, Any] | None:
        if asked["name"] in self.models:
            return None
        self.models[asked["name"]] = []
        return {}

    def _alias(self, asked: dict[str, Any]) -> dict[str, Any]:
        self.aliases[asked["alias"]] = asked["version"]
        return {}

    def _list_versions(self, asked: dict[str, Any]) -> dict[str, Any]:
        run_id = asked["filter"].split("'")[1]
        return {"model_versions": [each for kept in self.models.values() for each in kept if each["run_id"] == run_id]}

    def _create_version(self, asked: dict[str, Any]) -> dict[str, Any]:
        version = {**asked, "version": str(len(self.models[asked["name"]]) + 1)}
        self.models[asked["name"]].append(version)
        return {"model_version": version}


def _are_names(path: str, body: bytes) -> bool:
    """Say whether MLflow takes all names: they must not resolve to others."""
    told = json.loads(body or b"{}") if path == "runs/log-batch" else {}
    names = [each["key"] for kind in ("metrics", "params") for each in told.get(kind, ())]
    return not any(posixpath.normpath(name) != name or name == "." or name.startswith(("..", "/")) for name in names)


@contextmanager
def tracking() -> Iterator[Tracked]:
    """Give a server that listens on the loopback until the block ends."""
    tracked = Tracked()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            parts = urlsplit(self.path)
            path = unquote(parts.path).removeprefix("/api/2.0/mlflow/")
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            tracked.asked.append(path)
            tracked.senders.add(self.headers.get("Authorization", ""))
            found: dict[str, Any] | None = {}
            if tracked.fails_at and tracked.fails_at in path:
                return self._send(500, {"error_code": "INTERNAL_ERROR", "message": "made to fail"})
            if path.startswith("/api/2.0/mlflow-artifacts/artifacts/"):
                tracked.files[path.removeprefix("/api/2.0/mlflow-artifacts/artifacts/")] = body
            elif (tracked.refuses and tracked.refuses in body.decode()) or not _are_names(path, body):
                return self._send(400, {"error_code": "INVALID_PARAMETER_VALUE", "message": "Invalid name"})
            else:
                found = tracked.answer(path, parse_qs(parts.query), json.loads(body or b"{}"))
            if found is None:
                code = "RESOURCE_DOES_NOT_EXIST" if "get-by-name" in path else "RESOURCE_ALREADY_EXISTS"
                return self._send(404, {"error_code": code})
            return self._send(200, found)

        do_GET = do_POST = do_PUT = _answer

        def _send(self, status: int, answer: dict[str, Any]) -> None:
            told = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, *told: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    tracked.uri = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield tracked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
