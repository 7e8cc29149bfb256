from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from holdtrue.domain import LabelFact, Prediction, Role
from holdtrue.store import SegmentWriter, Store

START = datetime(2024, 1, 1, tzinfo=UTC)
DAY = 86_400.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / ".holdtrue") as opened:
        yield opened


def make_prediction(name: str, key: str, day: float, **changes: object) -> Prediction:
    at = START.timestamp() + day * DAY
    plain = Prediction(
        prediction_id=name,
        loop="parcels",
        key=key,
        unit=key,
        time=at,
        features={"size": 1.0, "colour": "red"},
        answer=(0.25, 0.75),
        decision=None,
        version=1,
        role=Role.CHAMPION,
        fallback=None,
        probability=1.0,
        traffic_revision=1,
        schema_version="s",
        latency_ms=1.0,
        received_at=at,
    )
    return msgspec.structs.replace(plain, **changes)


def make_label(label: object, day: float, *, key: str | None = None, prediction_id: str | None = None) -> LabelFact:
    at = START.timestamp() + day * DAY
    return LabelFact(loop="parcels", label=label, at=at, received_at=at, key=key, prediction_id=prediction_id)  # type: ignore[arg-type]


def write_log(store: Store, predictions: list[Prediction], *, name: str = "worker-0") -> None:
    writer = SegmentWriter.open(store.folder / "log" / "parcels", name)
    writer.append([msgspec.json.encode(each) for each in predictions])
    writer.close()
