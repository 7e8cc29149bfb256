"""Can a hostile client hurt the server, or another client? Mutated bodies, and connections that break HTTP itself.

python benchmarks/serving/fuzz.py            # 20,000 bodies, about a minute; --full: a million, under an hour
"""

import io
import json
import random
import struct
import sys
from collections import Counter

from crowd import Crowd, write_request
from models import read_bodies
from mutations import Mutator, Seed
from rude import ask_rudely
from scene import Scene, read_plan, set_scene, tell_end
from wires import NATIVE, V2

MOST_GROWTH_MB = 64.0
OTHER_RATE = 50.0
MOST_OTHER_MS = 2_000.0


class Watch:
    """Looks at each reply to a hostile request, and keeps what may not be with the request that caused it."""

    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.complaints: list[str] = []

    def look(self, request: bytes, status: int, head: bytes, body: bytes) -> None:
        """Take a reply: 2xx, 4xx or 503, and JSON."""
        self.statuses[status] += 1
        if not (200 <= status < 300 or 400 <= status < 500 or status == 503):
            self._complain(f"status {status} {body[:120]!r}", request)
        try:
            json.loads(body)
        except ValueError:
            self._complain(f"status {status}, no JSON: {body[:120]!r}", request)

    def _complain(self, what: str, request: bytes) -> None:
        if len(self.complaints) < 20:
            head, _, body = request.partition(b"\r\n\r\n")
            self.complaints.append(f"{what} to {head.splitlines()[0].decode()}: {body[:300]!r}")


def main() -> int:
    told = read_plan(__doc__, counts={"bodies": (20_000, 1_000_000)})
    with set_scene(n_workers=1, n_versions=1) as scene:
        pids = {process.pid for process in scene.find_workers()}
        mutator = Mutator(random.Random(told.seed), scene.model.name, draw_seeds(scene))
        hostile, other = Watch(), OtherClient(scene)
        rude: Counter[str] = Counter()
        with Crowd(scene.port, scene.make_requests(), n_connections=8, n_requests=2_000) as warm:
            warm.wait()
        first_mb = scene.weigh_mb()
        with Crowd(scene.port, other.make, n_connections=2, rate=OTHER_RATE, take=other.look) as neighbour:
            with Crowd(scene.port, mutator.draw, n_connections=8, n_requests=told.bodies, take=hostile.look) as crowd:
                rude = ask_rudely(scene.port, scene.make_requests()(), random.Random(told.seed + 1))
                crowd.wait()
            last_mb = scene.weigh_mb()
            neighbour.wait_for(50)
        has_crashed = {process.pid for process in scene.find_workers()} != pids
    figures = {
        "bodies": sum(hostile.statuses.values()),
        "by status": " ".join(f"{status}:{count}" for status, count in sorted(hostile.statuses.items())),
        "replies that broke off": crowd.seen.n_broken,
        "connections that broke HTTP, by what came back": " ".join(f"{name}:{n}" for name, n in sorted(rude.items())),
        "worker's memory before / after, MB": f"{first_mb:.0f} / {last_mb:.0f}",
        "another client: right answers / all": f"{other.n_right} / {sum(neighbour.seen.statuses.values())}",
        "another client: p99, ms": round(neighbour.seen.find_percentile(99), 1),
    }
    broken = list(hostile.complaints)
    if crowd.seen.n_broken:
        broken.append(f"{crowd.seen.n_broken} replies did not come")
    if has_crashed:
        broken.append("the worker ended")
    if last_mb - first_mb > MOST_GROWTH_MB:
        broken.append(f"memory grew by {last_mb - first_mb:.0f} MB, more than {MOST_GROWTH_MB:.0f}")
    broken += judge_neighbour(neighbour, other)
    return tell_end("fuzz", figures, broken)


def judge_neighbour(neighbour: Crowd, other: "OtherClient") -> list[str]:
    """Return what the other client suffered."""
    broken = []
    if neighbour.seen.n_failed or other.n_right != neighbour.seen.n_right:
        broken.append(f"another client was harmed: {dict(neighbour.seen.statuses)}, {other.n_right} right")
    if neighbour.seen.find_percentile(99) > MOST_OTHER_MS:
        broken.append(f"another client waited {neighbour.seen.find_percentile(99):.0f} ms at p99")
    return broken


class OtherClient:
    """A client that does nothing wrong, and knows the right answer."""

    def __init__(self, scene: Scene) -> None:
        rows, answers = read_bodies(scene.models, scene.model)
        self._right, self._tolerance = answers[0], scene.model.tolerance
        request = write_request(NATIVE.path.format(model=scene.model.name), NATIVE.body(scene.model, rows[0]))
        self.make = lambda: request
        self.n_right = 0

    def look(self, request: bytes, status: int, head: bytes, body: bytes) -> None:
        """Compare the answer with the right one."""
        if status == 200 and abs(NATIVE.answer(body) - self._right) <= self._tolerance:
            self.n_right += 1


def write_parquet(rows: list[dict[str, object]]) -> bytes:
    """Return rows as a Parquet file."""
    import polars as pl

    file = io.BytesIO()
    pl.DataFrame(rows).write_parquet(file)
    return file.getvalue()


def draw_seeds(scene: Scene) -> list[Seed]:
    """Return right requests in all forms that a server of tables may take."""
    model, rows = scene.model, read_bodies(scene.models, scene.model)[0][:3]
    names, lists = list(rows[0]), [list(row.values()) for row in rows]
    tensors = [{"name": name, "shape": [1], "datatype": "FP64", "data": [rows[0][name]]} for name in names]
    raw = struct.pack(f"<{len(names)}d", *lists[0])
    told = {"name": "x", "shape": [1, len(names)], "datatype": "FP64", "parameters": {"binary_data_size": len(raw)}}
    head = json.dumps({"inputs": [told]}).encode()
    infer, mlflow = V2.path, "/invocations"
    csv = "\n".join([",".join(names), *(",".join(map(str, row)) for row in lists)])
    return [
        *(Seed(form.path, form.write(model, row)) for form in (NATIVE, V2) for row in rows),
        Seed(NATIVE.path, {"rows": rows}),
        Seed(infer, {"id": "1", "inputs": tensors, "outputs": [{"name": "probabilities"}]}),
        Seed(infer, head + raw, "application/octet-stream", len(head)),
        Seed("/v1/labels/{model}", {"labels": [{"key": "a", "label": True, "at": "2013-09-01T20:10:00Z"}]}),
        Seed("/v1/models/{model}:predict", {"instances": rows}),
        Seed("/v1/models/{model}:predict", {"instances": lists, "signature_name": "serving_default"}),
        Seed(mlflow, {"inputs": {name: [row[name] for row in rows] for name in names}}),
        Seed(mlflow, {"dataframe_split": {"columns": names, "data": lists}}),
        Seed(mlflow, {"dataframe_records": rows}),
        Seed(mlflow, csv.encode(), "text/csv"),
        Seed(mlflow, write_parquet(rows), "application/vnd.apache.parquet"),
    ]


if __name__ == "__main__":
    sys.exit(main())
