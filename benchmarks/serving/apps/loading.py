"""Loading: the same model file for every peer; runs in the peers' own environments."""

import json
import os
from pathlib import Path

FOLDER, NAME, FILE = Path(os.environ["BENCH_MODELS"]), os.environ["BENCH_MODEL"], os.environ["BENCH_FILE"]
PORT = int(os.environ["BENCH_PORT"])
HAS_TEXTS = FILE.endswith(".skops")


def read_example():
    """Return one row as clients send it: a record."""
    return json.loads((FOLDER / f"{NAME}.json").read_text())["rows"][0]


def load_pipeline():
    """Return the scikit-learn pipeline."""
    import skops.io

    path = FOLDER / FILE
    return skops.io.load(path, trusted=skops.io.get_untrusted_types(file=path))


def load_score():
    """Return what answers rows: lists of floats, or records where there are texts."""
    if HAS_TEXTS:
        import pandas as pd

        pipeline = load_pipeline()
        return lambda rows: pipeline.predict_proba(pd.DataFrame(rows))[:, 1]
    import lightgbm
    import numpy as np

    booster = lightgbm.Booster(model_file=FOLDER / FILE)
    return lambda rows: booster.predict(np.asarray(rows, dtype=np.float64), num_threads=1)
