"""The models that every server answers with, the rows that are asked, and the answers that are right.

python benchmarks/serving/models.py FOLDER      # writes them; about a minute
"""

import hashlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import polars as pl

N_FLOATS, N_BODIES, N_ROWS = 30, 256, 20_000
FLOATS = tuple(f"f{place:02d}" for place in range(N_FLOATS))
NUMBERS = ("age", "income", "balance", "months")
TEXTS = {"job": 6, "region": 12, "branch": 25, "product": 50}
CHEAP_TREES, CHEAP_LEAVES = 100, 31
# On the machine that it was tuned on, one row takes about 200 us.
DEAR_TREES, DEAR_LEAVES = 1_600, 127


@dataclass(frozen=True)
class Model:
    """A model file, by the name of what it is asked; `tolerance` is what an answer may differ by."""

    name: str
    file: str
    says: str
    tolerance: float = 1e-6

    @property
    def has_texts(self) -> bool:
        """Say whether rows hold texts beside numbers."""
        return self.name.startswith(("strings", "features"))

    @property
    def has_features(self) -> bool:
        """Say whether columns are computed of what a request carries."""
        return self.name == "features"


CHEAP = Model("cheap", "cheap.txt", f"LightGBM, {CHEAP_TREES} trees x {CHEAP_LEAVES} leaves, 30 floats")
DEAR = Model("dear", "dear.txt", f"LightGBM, {DEAR_TREES} trees x {DEAR_LEAVES} leaves, 30 floats, about 200 us a row")
STRINGS = Model("strings", "strings.skops", "scikit-learn pipeline, 4 numbers and 4 texts")
# ONNX computes in 32 bits.
STRINGS_ONNX = Model("strings-onnx", "strings.onnx", "the same pipeline as ONNX", tolerance=1e-5)
FEATURED = Model(
    "features",
    "features.txt",
    f"LightGBM, {CHEAP_TREES} trees x {CHEAP_LEAVES} leaves, 4 columns and 6 computed ones, 2 of them of the past",
    tolerance=1e-5,
)
MODELS = {model.name: model for model in (CHEAP, DEAR, STRINGS, STRINGS_ONNX, FEATURED)}


def name_columns(model: Model) -> tuple[str, ...]:
    """Return the columns of a row, in order."""
    return (*NUMBERS, *TEXTS) if model.has_texts else FLOATS


def name_levels(column: str) -> tuple[str, ...]:
    """Return the levels of a column of texts."""
    return tuple(f"{column} {level:02d}" for level in range(TEXTS[column]))


def read_bodies(folder: Path, model: Model) -> tuple[list[dict[str, object]], list[float]]:
    """Return the 256 rows that are asked, and for each the probability that is the right answer."""
    kept = json.loads((folder / f"{model.name.partition('-')[0]}.json").read_text(encoding="utf-8"))
    return kept["rows"], kept["answers"]


def keep_models(cache: Path, *models: Model) -> Path:
    """Train, with fixed seeds, what is not in the cache yet; return the folder of the models."""
    source = b"".join(path.read_bytes() for path in (Path(__file__), Path(__file__).with_name("pipeline_onnx.py")))
    folder = cache / f"models-{hashlib.sha256(source).hexdigest()[:12]}"
    write_models(folder, *models)
    return folder


def write_models(folder: Path, *models: Model) -> None:
    """Train with fixed seeds and write what is not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    if CHEAP in models and not (folder / "cheap.json").exists():
        _write_trees(folder, CHEAP, CHEAP_TREES, CHEAP_LEAVES, seed=1)
    if DEAR in models and not (folder / "dear.json").exists():
        _write_trees(folder, DEAR, DEAR_TREES, DEAR_LEAVES, seed=2)
    if {STRINGS, STRINGS_ONNX} & set(models) and not (folder / "strings.json").exists():
        _write_pipeline(folder, seed=3)
    if FEATURED in models and not (folder / "features.json").exists():
        from featured import write_featured

        write_featured(folder / FEATURED.file, n_rows=N_ROWS, n_bodies=N_BODIES, seed=4)


def _write_trees(folder: Path, model: Model, n_trees: int, n_leaves: int, *, seed: int) -> None:
    import lightgbm

    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(N_ROWS, N_FLOATS)).round(4)
    score = rows[:, :10].sum(axis=1) + rows[:, 0] * rows[:, 1] + np.sin(3 * rows[:, 2])
    late = score + rng.logistic(size=N_ROWS) > 0
    options = {"objective": "binary", "num_leaves": n_leaves, "learning_rate": 0.05, "min_data_in_leaf": 20}
    options |= {"verbose": -1, "num_threads": 1, "seed": seed, "deterministic": True, "force_row_wise": True}
    data = lightgbm.Dataset(rows, label=late, feature_name=list(FLOATS))
    booster = lightgbm.train(options, data, num_boost_round=n_trees)
    booster.save_model(folder / model.file)
    asked = rng.normal(size=(N_BODIES, N_FLOATS)).round(4)
    # Asked of what was stored: the text is what every server loads.
    answers = np.asarray(lightgbm.Booster(model_file=folder / model.file).predict(asked, num_threads=1))
    _keep_bodies(folder, model.name, [dict(zip(FLOATS, row, strict=True)) for row in asked.tolist()], answers)


def _write_pipeline(folder: Path, *, seed: int) -> None:
    import skops.io
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    rng = np.random.default_rng(seed)
    frame = _draw_people(rng, N_ROWS)
    score = frame["age"].to_numpy() / 20 - 2 + rng.logistic(size=N_ROWS) + (frame["job"].to_numpy() == "job 01")
    parts = [
        ("numbers", StandardScaler(), list(NUMBERS)),
        ("texts", OneHotEncoder(handle_unknown="ignore", sparse_output=False), list(TEXTS)),
    ]
    pipeline = Pipeline([("columns", ColumnTransformer(parts)), ("model", LogisticRegression(max_iter=500))])
    pipeline.fit(frame, score > 0)
    skops.io.dump(pipeline, folder / STRINGS.file)
    asked = _draw_people(rng, N_BODIES)
    answers = pipeline.predict_proba(asked)[:, 1]
    from pipeline_onnx import write_onnx

    write_onnx(pipeline, folder / STRINGS_ONNX.file)
    _keep_bodies(folder, STRINGS.name, asked.to_dicts(), answers)


def _draw_people(rng: np.random.Generator, n_rows: int) -> "pl.DataFrame":
    import polars as pl

    numbers = {
        "age": rng.uniform(18, 90, n_rows).round(1),
        "income": rng.lognormal(10, 0.5, n_rows).round(2),
        "balance": rng.normal(1_000, 700, n_rows).round(2),
        "months": rng.integers(1, 120, n_rows).astype(float),
    }
    texts = {column: rng.choice(name_levels(column), n_rows).astype(object) for column in TEXTS}
    return pl.DataFrame({**numbers, **{name: pl.Series(values, dtype=pl.String) for name, values in texts.items()}})


def _keep_bodies(folder: Path, name: str, rows: list[dict[str, object]], answers: NDArray[np.float64]) -> None:
    text = json.dumps({"rows": rows, "answers": answers.tolist()})
    (folder / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_models(Path(sys.argv[1]), *MODELS.values())
