"""BentoML with its adaptive batching."""

from __future__ import annotations

import bentoml
from loading import load_score


@bentoml.service(workers=1, traffic={"timeout": 60, "max_concurrency": 1000}, logging={"access": {"enabled": False}})
class Bench:
    def __init__(self) -> None:
        self.score = load_score()

    @bentoml.api(batchable=True, max_batch_size=64)
    def predict(self, rows: list) -> list:
        return self.score(rows).tolist()
