"""Logs as workers write them, and what must hold of them whatever is done to them."""

import msgspec
import polars as pl

from holdtrue.data import PredictionReader
from holdtrue.domain import Prediction, Role
from holdtrue.store import SegmentWriter

DAY = 86_400.0
START = 1_704_067_200.0  # 2024-01-01


def predict(number, **changes):
    """Return one prediction; its id and key say its number."""
    plain = Prediction(
        prediction_id=f"p{number}",
        loop="parcels",
        key=f"k{number}",
        unit=f"u{number % 7}",
        time=START + number,
        features={"size": number * 1.5, "count": number, "colour": "red" if number % 2 else "blue", "ok": True},
        answer=(0.25, 0.75),
        decision=None,
        version=1,
        role=Role.CHAMPION,
        fallback=None,
        probability=1.0,
        traffic_revision=1,
        schema_version="s",
        latency_ms=1.0,
        received_at=START + number,
    )
    return msgspec.structs.replace(plain, **changes)


def write(folder, predictions, *, name="w0-1-a", rotate_bytes=None):
    """Write a closed segment, or several where `rotate_bytes` says so; return the writer, which may go on."""
    writer = SegmentWriter.open(folder, name)
    if rotate_bytes is not None:
        writer.rotate_bytes = rotate_bytes
    for prediction in predictions:
        writer.append([msgspec.json.encode(prediction)])
    writer.close()
    return writer


def read(folder) -> pl.DataFrame:
    return PredictionReader(folder).read()


def ids(folder) -> list[str]:
    return read(folder)["prediction_id"].to_list()
