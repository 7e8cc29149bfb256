"""Client: asks a live loop for answers as business time goes on, tells labels when due, and keeps each receipt."""

import http.client
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec
import polars as pl

from holdtrue.clock import ScaledClock

MOST_ROWS = 8
LABELS_AT_ONCE = 20
MOST_LABELS = 400
PAUSE_SECONDS = 0.005
RETRY_SECONDS = 0.05
TIMEOUT_SECONDS = 10.0
# A kept connection stays with one worker; a new one now and then spreads the load over all of them.
REQUESTS_A_CONNECTION = 40


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What the client was told in a reply of 2xx about one row."""

    key: str
    version: int


@dataclass(kw_only=True)
class Book:
    """What a client was promised, and what it was not.

    Attributes:
        accepted: the receipt of each prediction_id.
        labelled: keys whose label was accepted.
        n_requests: requests that were answered with 2xx.
        n_failed: requests without an answer, or with a 5xx; their rows are sent again.
        refusals: answers that no retry would change.
    """

    accepted: dict[str, Receipt] = field(default_factory=dict)
    labelled: set[str] = field(default_factory=set)
    n_requests: int = 0
    n_failed: int = 0
    refusals: list[str] = field(default_factory=list)


def merge_books(books: Sequence[Book]) -> Book:
    """Return the books of several clients as one."""
    whole = Book()
    for book in books:
        whole.accepted |= book.accepted
        whole.labelled |= book.labelled
        whole.n_requests += book.n_requests
        whole.n_failed += book.n_failed
        whole.refusals += book.refusals
    return whole


@dataclass(kw_only=True)
class Client:
    """Sends the rows of a table, each when its time has come, and its label when it is due.

    Attributes:
        rows: event, at, heat, noise and failed, in the order of time.
        clock: the clock of the loop.
        port: where it answers on this machine.
        loop: its name.
        label_delay: when a label is due after its row.
        book: what came of it; read it after `end`.
    """

    rows: pl.DataFrame
    clock: ScaledClock
    port: int
    loop: str
    label_delay: timedelta
    book: Book = field(default_factory=Book)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._run, name="client", daemon=True)
        self._stop = threading.Event()
        self._times: list[datetime] = self.rows["at"].to_list()
        spelt = pl.col("at").dt.to_string("%Y-%m-%dT%H:%M:%S%.6fZ")
        self._features = self.rows.drop("failed").with_columns(spelt)
        self._due = self.rows.select(
            key="event", label="failed", at=(pl.col("at") + self.label_delay).dt.to_string("%Y-%m-%dT%H:%M:%S%.6fZ")
        )
        self._asked = self._told = 0
        self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_SECONDS)

    def start(self) -> None:
        """Begin to send, in a thread of its own."""
        self._thread.start()

    def end(self) -> None:
        """Finish the request under way and end."""
        self._stop.set()
        self._thread.join(2 * TIMEOUT_SECONDS)

    def _run(self) -> None:
        while not self._stop.is_set() and self._asked < self.rows.height:
            now = self.clock.now()
            end = self._count_due(now)
            has_gone = end == self._asked or self._ask(end)
            has_gone = self._tell(now) and has_gone
            time.sleep(PAUSE_SECONDS if has_gone else RETRY_SECONDS)
        self._connection.close()

    def _count_due(self, now: datetime) -> int:
        end = self._asked
        while end < len(self._times) and self._times[end] <= now and end - self._asked < MOST_ROWS:
            end += 1
        return end

    def _ask(self, end: int) -> bool:
        reply = self._post(f"/v1/predict/{self.loop}", {"rows": self._features[self._asked : end].to_dicts()})
        if reply is None:
            return False
        for entry in reply["predictions"]:
            if "prediction_id" in entry:
                receipt = Receipt(key=entry["key"], version=int(entry["version"].removeprefix("v")))
                self.book.accepted[entry["prediction_id"]] = receipt
            else:
                self.book.refusals.append(str(entry))
        self._asked = end
        return True

    def _tell(self, now: datetime) -> bool:
        end = self._told
        while end < self._asked and end - self._told < MOST_LABELS and self._times[end] + self.label_delay <= now:
            end += 1
        if end - self._told < LABELS_AT_ONCE:
            return True
        due = self._due[self._told : end]
        reply = self._post(f"/v1/labels/{self.loop}", {"labels": due.to_dicts()})
        if reply is None:
            return False
        if reply["refused"]:
            self.book.refusals.append(str(reply))
        else:
            self.book.labelled.update(due["key"].to_list())
        self._told = end
        return True

    def _post(self, path: str, body: object) -> "dict[str, list[dict[str, str]]] | None":
        """Return what was answered with 2xx; None when the request is to be sent again."""
        try:
            headers = {"Content-Type": "application/json"}
            self._connection.request("POST", path, body=msgspec.json.encode(body), headers=headers)
            response = self._connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            self.book.n_failed += 1
            return None
        if response.status >= 500:
            self.book.n_failed += 1
            return None
        if response.status >= 300:
            self.book.refusals.append(f"{path} answered {response.status}: {text[:300]!r}")
            self._stop.set()
            return None
        self.book.n_requests += 1
        if self.book.n_requests % REQUESTS_A_CONNECTION == 0:
            self._connection.close()
        return msgspec.json.decode(text, type=dict)
