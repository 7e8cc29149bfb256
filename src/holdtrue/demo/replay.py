"""Replay: the flights of the following weeks as real HTTP requests, and their labels when they are known.

It runs in a process of its own and knows nothing of the server but its address: `python -m holdtrue.demo.replay`.
"""

import argparse
import http.client
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import polars as pl

from holdtrue.clock import ScaledClock

# Requests of so much business time go out together, as one body: a client that asks for each flight that departs now.
BATCH_MINUTES = 20
MAX_ROWS = 40


@dataclass(kw_only=True)
class Client:
    """Sends rows and labels over one kept-alive connection.

    Attributes:
        host: of the server.
        port: of the server.
        loop: name of the loop.
        n_answered: rows that were answered.
        n_refused: rows that were not.
    """

    host: str
    port: int
    loop: str
    n_answered: int = 0
    n_refused: int = 0
    n_labels: int = 0
    last_id: str = ""

    def __post_init__(self) -> None:
        self._connection = http.client.HTTPConnection(self.host, self.port, timeout=30)

    def ask(self, rows: list[dict[str, object]]) -> None:
        """Ask for answers to some rows."""
        reply = self._post(f"/v1/predict/{self.loop}", {"rows": rows})
        answers = [entry for entry in reply.get("predictions", []) if "prediction_id" in entry]
        self.n_answered += len(answers)
        self.n_refused += len(rows) - len(answers)
        if answers:
            self.last_id = str(answers[-1]["prediction_id"])

    def tell(self, labels: list[dict[str, object]]) -> None:
        """Deliver labels."""
        self._post("/v1/labels", {"labels": labels})
        self.n_labels += len(labels)

    def _post(self, path: str, body: object) -> dict[str, list[dict[str, object]]]:
        content = msgspec.json.encode(body)
        for attempt in range(6):
            try:
                self._connection.request("POST", path, body=content, headers={"Content-Type": "application/json"})
                response = self._connection.getresponse()
                text = response.read()
                if response.status < 300:
                    return msgspec.json.decode(text, type=dict)
                if response.status < 500:
                    raise SystemExit(f"{path} answered {response.status}: {text[:300]!r}")
            except (OSError, http.client.HTTPException):
                self._connection.close()
            time.sleep(0.1 * 2**attempt)
        raise SystemExit(f"{path} did not answer")


def replay(flights: pl.DataFrame, clock: ScaledClock, until: datetime, client: Client, stop_file: Path) -> None:
    """Send each flight at its scheduled departure in the clock's time, and each label when it is known."""
    rows = flights.filter((pl.col("departs_at") >= clock.start) & (pl.col("departs_at") < until))
    labels = rows.filter(pl.col("late").is_not_null()).sort("label_known_at")
    features = rows.drop("late", "label_known_at").with_columns(pl.col("departs_at").dt.to_string("%Y-%m-%dT%H:%M:%SZ"))
    times, known = rows["departs_at"].to_list(), labels["label_known_at"].to_list()
    asked = told = 0
    while asked < rows.height and not stop_file.exists():
        now = clock.now()
        end = asked
        while end < rows.height and times[end] <= now and end - asked < MAX_ROWS:
            end += 1
        if end > asked:
            client.ask(features[asked:end].to_dicts())
        asked = end
        ripe = told
        while ripe < labels.height and known[ripe] <= now and ripe - told < 500:
            ripe += 1
        if ripe - told >= 50 or (ripe > told and asked >= rows.height):
            client.tell(_make_labels(labels[told:ripe]))
            told = ripe
        if asked < rows.height and times[asked] > now:
            time.sleep(min(0.2, max(0.002, clock.seconds_until(times[asked]))))


def _make_labels(rows: pl.DataFrame) -> list[dict[str, object]]:
    return [
        {"key": key, "label": late, "at": at.astimezone(UTC).isoformat()}
        for key, late, at in rows.select("flight_id", "late", "label_known_at").iter_rows()
    ]


def main() -> int:
    """Run the replay from its command line; print what was sent as one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m holdtrue.demo.replay")
    for name in ("--flights", "--loop", "--host", "--start", "--until", "--stop-file"):
        parser.add_argument(name, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--began-unix", type=float, required=True)
    parser.add_argument("--speed", type=float, required=True)
    told = parser.parse_args()
    clock = ScaledClock(datetime.fromisoformat(told.start), began_unix=told.began_unix, speed=told.speed)
    client = Client(host=told.host, port=told.port, loop=told.loop)
    flights = pl.read_parquet(told.flights)
    replay(flights, clock, datetime.fromisoformat(told.until), client, Path(told.stop_file))
    sent = {
        "n_answered": client.n_answered,
        "n_refused": client.n_refused,
        "n_labels": client.n_labels,
        "last_id": client.last_id,
    }
    sys.stdout.write(msgspec.json.encode(sent).decode() + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
