"""Takes one piece off a worker, or turns its log's files over sooner, to see what that costs. The bench's alone.

Python imports this by its name at start, since the bench puts the folder on PYTHONPATH. Only workers are changed.
"""

import os
import sys

IS_WORKER = "holdtrue.serving.worker" in sys.orig_argv


def take_off_log():
    """Write nothing down."""
    from holdtrue.serving.log import PredictionLog

    async def write(self, predictions):
        return None

    PredictionLog.write = write
    if hasattr(PredictionLog, "append_now"):
        PredictionLog.append_now = lambda self, loop, payloads: None


def take_off_metrics():
    """Count nothing."""
    from holdtrue.serving.counts.counter import Counters

    for name in ("add", "observe_latency", "observe_latencies"):
        if hasattr(Counters, name):
            setattr(Counters, name, lambda self, *labels, **amounts: None)


def take_off_model():
    """Answer every row alike, without asking the model."""
    import numpy as np

    from holdtrue.serving.answer import loaded

    loaded._check_sample = lambda version: None  # it would rightly find them wrong
    loaded.LoadedVersion.score = lambda self, rows: np.tile((0.25, 0.75), (len(rows), 1))


def take_off_features():
    """Take what the first row came to for every other."""
    from holdtrue.serving.answer.computer import Computer

    compute = Computer.compute

    def recall(self, given, **more):
        if not hasattr(self, "first"):
            self.first = compute(self, given, **more)
        return self.first

    Computer.compute = recall


def take_off_checks():
    """Take records as they come. The fast path decodes and checks in one, so this is for the careful way."""
    from holdtrue.serving.request.row import Row, RowReader

    RowReader.read = lambda self, record, place, *, known: Row(
        [record[name] for name, _ in self._readers], dict(record), 0
    )


def take_off_batching():
    """Ask the model for each request alone."""
    from holdtrue.serving.answer import batcher

    batcher.BATCH_ROWS = 1


def take_off_fast():
    """Let every request go the careful way."""
    try:
        from holdtrue.serving.fast import protocol
    except ImportError:  # a tree from before it
        return
    protocol.find_protocol = lambda lane, gate=None, *, is_short=True: None


if IS_WORKER and os.environ.get("BENCH_WITHOUT"):
    for piece in os.environ["BENCH_WITHOUT"].split("+"):
        globals()[f"take_off_{piece}"]()
if IS_WORKER and os.environ.get("BENCH_ROTATE_BYTES"):
    from holdtrue.store import segments

    segments.ROTATE_BYTES = int(os.environ["BENCH_ROTATE_BYTES"])
