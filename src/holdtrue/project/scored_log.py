"""ScoredLog: the prediction log as a job of scoring writes it: each row once, also after a kill."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from holdtrue.data import read_writer_ids
from holdtrue.domain import Prediction
from holdtrue.store.segments import SegmentWriter

_APPEND_ROWS = 10_000


@dataclass(frozen=True, kw_only=True)
class ScoredLog:
    """Where a job logs.

    Attributes:
        folder: of the loop's log.
        goes_on: whether a run that was killed began the job; one that begins has logged nothing under its name.
    """

    folder: Path
    goes_on: bool

    def write(self, predictions: list[Prediction], name: str) -> None:
        """Log the predictions of a part under a name of its own; none that the killed run has logged before."""
        logged = read_writer_ids(self.folder, name) if self.goes_on else set()
        new = [prediction for prediction in predictions if prediction.prediction_id not in logged]
        encoder = msgspec.json.Encoder()
        writer = SegmentWriter.open(self.folder, name)
        try:
            for start in range(0, len(new), _APPEND_ROWS):
                writer.append([encoder.encode(prediction) for prediction in new[start : start + _APPEND_ROWS]])
        finally:
            writer.close()
