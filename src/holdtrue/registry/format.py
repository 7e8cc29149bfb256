"""Format: models go in and out of storage in safe forms only; pickle in any dress is refused."""

import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING

from holdtrue.domain import Column, ModelFormat, Signature, Task
from holdtrue.errors import FormatRefused, HoldtrueError, TrainingFailed
from holdtrue.registry.scorer import Scorer

if TYPE_CHECKING:
    import polars as pl

    from holdtrue.registry.foreign import Foreign

SKOPS_TOLERANCE = 1e-9
LIGHTGBM_TOLERANCE = 1e-6
N_KEPT = 4

EXPECTED = "a skops file (scikit-learn), the text of a LightGBM model, an XGBoost model (JSON, UBJSON), or an ONNX file"
SAVE = "store a scikit-learn estimator with skops.io.dump, a LightGBM or XGBoost model with booster.save_model"
CONVERT = (
    "a pickle runs code when it is read, so it is never read here; if you made this file yourself, convert it on your "
    "own machine with holdtrue register LOOP MODEL --convert, or save the model anew (skops.io.dump, "
    "booster.save_model)"
)
# So many steps of a pickle in a row are no accident.
PICKLE_STEPS = 64
PICKLE_BYTES = 1 << 16

_LOADERS = {
    ModelFormat.XGBOOST: "holdtrue.registry.xgboost_format",
    ModelFormat.ONNX: "holdtrue.registry.onnx_format",
}

_MAGIC = (
    (b"\x80", "a pickle (torch and joblib write it too)"),
    (b"(lp", "a pickle"),
    (b"cos\n", "a pickle"),
    (b"cposix\n", "a pickle"),
    (b"c__builtin__\n", "a pickle"),
    (b"\x89HDF", "an HDF5 file (keras)"),
    (b"\x1f\x8b", "gzip (joblib writes it)"),
    (b"\x78\x01", "zlib (joblib writes it)"),
    (b"\x78\x9c", "zlib (joblib writes it)"),
    (b"\x78\xda", "zlib (joblib writes it)"),
    (b"BZh", "bzip2 (joblib writes it)"),
    (b"\xfd7zXZ", "xz (joblib writes it)"),
    (b"]\x00\x00", "lzma (joblib writes it)"),
    (b"\x93NUMPY", "a numpy array"),
)


@dataclass(frozen=True, kw_only=True)
class StoredModel:
    """A model as bytes in a safe format."""

    format: ModelFormat
    data: bytes


def name_format(data: bytes) -> ModelFormat:
    """Return the format of a model file by its first bytes.

    Raises:
        FormatRefused: it is a pickle, an HDF5 file or anything else that is not stored here, and what it seems to be.
    """
    if data.startswith(b"PK\x03\x04"):
        return ModelFormat.SKOPS
    if data.startswith(b"tree\nversion=v"):
        return ModelFormat.LIGHTGBM
    if data.startswith((b'{"', b'{ "', b"{\n", b"{L", b"{i", b"{U", b"{I", b"{l")):
        return ModelFormat.XGBOOST
    if data.startswith(b"\x08"):
        return ModelFormat.ONNX  # every ONNX file begins with the version of its form
    kind = next((kind for magic, kind in _MAGIC if data.startswith(magic)), None)
    if kind is None:
        kind = "a pickle" if is_pickle(data) else "of a form that nobody here knows"
    raise FormatRefused(
        f"the model file ({len(data)} bytes) is {kind if data else 'empty'}",
        expected=EXPECTED,
        remedy=CONVERT if "pickle" in kind or "joblib" in kind else SAVE,
    )


def check_model(data: bytes) -> ModelFormat:
    """Return the format of a model file, once all that can be judged without building anything was judged.

    Raises:
        FormatRefused: as `name_format`; or its container or what it would build is not allowed.
    """
    found = name_format(data)
    if found is ModelFormat.SKOPS:
        from holdtrue.registry.skops_format import check_skops

        check_skops(data)
    elif found is ModelFormat.XGBOOST:
        from holdtrue.registry.xgboost_structure import read_xgboost

        read_xgboost(data)
    elif found is ModelFormat.ONNX:
        from holdtrue.registry.onnx_structure import check_onnx

        check_onnx(data)
    return found


def is_pickle(data: bytes) -> bool:
    """Say whether bytes can be read as the steps of a pickle, of any protocol; nothing of it is run."""
    if not data:
        return False
    n_steps = 0
    try:
        for step, _, _ in pickletools.genops(data[:PICKLE_BYTES]):
            n_steps += 1
            if (step.name == "STOP" and n_steps > 1) or n_steps >= PICKLE_STEPS:
                return True
    except Exception:  # the first byte that is no step ends it, whatever it makes the reader raise
        return False
    return False


def dump_model(
    estimator: object,
    *,
    task: Task,
    n_features: int,
    signature: Signature | None = None,
    sample: "pl.DataFrame | None" = None,
) -> StoredModel:
    """Return a fitted estimator as bytes in a safe format.

    With a signature the bytes are loaded again; with a sample too (rows of the training frame, with its dtypes) what
    was loaded must answer as the estimator itself does, within 1e-9 (skops) or 1e-6 (LightGBM, XGBoost). Models of
    CatBoost, torch and statsmodels are written as ONNX, for which the signature is needed.

    Raises:
        FormatRefused: the estimator cannot be stored safely, or answers differently once it was; lists what can be.
        TrainingFailed: it is no fitted model, or answers another question than the task.
    """
    foreign = None if signature is None else _convert(estimator, signature)
    if foreign is not None and signature is not None:
        _check_signature(signature, task, n_features)
        return _store_foreign(foreign, signature, sample)
    stored = _dump(estimator, task)
    if signature is not None:
        _check_signature(signature, task, n_features)
        _check_answers(estimator, stored, signature, sample)
    return stored


@lru_cache(maxsize=N_KEPT)
def recall_model(data: bytes, format: ModelFormat, signature: Signature) -> Scorer:
    """Return what `load_model` does, and keep the last few: a training proves, judges and compares the same bytes."""
    return load_model(data, format, signature)


def load_model(data: bytes, format: ModelFormat, signature: Signature) -> Scorer:
    """Return what scores rows with a stored model. Check the digest and the signature of the release before.

    Raises:
        FormatRefused: the bytes are not of that format, or hold what may not be loaded.
    """
    found = name_format(data)
    if found is not ModelFormat(format):
        raise FormatRefused(f"the model file is {found.value}", expected=f"{ModelFormat(format).value}, as registered")
    if found is ModelFormat.LIGHTGBM:
        from holdtrue.registry.lightgbm_format import load_lightgbm

        return load_lightgbm(data, signature)
    if found in _LOADERS:
        return _load_native(found, data, signature)
    from holdtrue.registry.estimator import EstimatorScorer
    from holdtrue.registry.skops_format import load_skops

    estimator = load_skops(data)
    try:
        return EstimatorScorer(estimator, signature)
    except HoldtrueError:
        raise
    except Exception as error:  # a mutated file can hold anything where class labels or column names should be
        raise FormatRefused(
            f"what the skops file holds is no fitted estimator ({error})", expected="an intact skops file"
        ) from error


def _load_native(found: ModelFormat, data: bytes, signature: Signature) -> Scorer:
    try:
        module = import_module(_LOADERS[found])
        load: Callable[[bytes, Signature], Scorer] = getattr(module, f"load_{found.value}")
        return load(data, signature)
    except ImportError as error:
        raise FormatRefused(
            f"the model is {found.value}, and the library for it is not installed ({error})",
            remedy=f"pip install 'holdtrue[{found.value}]'",
        ) from error


def _dump(estimator: object, task: Task) -> StoredModel:
    if estimator is None:
        raise TrainingFailed(
            "train returned nothing", expected="a fitted estimator", remedy="end train with `return model`"
        )
    if type(estimator).__module__.split(".")[0] == "lightgbm":
        from holdtrue.registry.lightgbm_format import dump_lightgbm

        return StoredModel(format=ModelFormat.LIGHTGBM, data=dump_lightgbm(estimator, task))
    if type(estimator).__module__.split(".")[0] == "xgboost":
        from holdtrue.registry.xgboost_format import dump_xgboost

        return StoredModel(format=ModelFormat.XGBOOST, data=dump_xgboost(estimator, task))
    from holdtrue.registry.estimator import check_estimator
    from holdtrue.registry.skops_format import dump_skops

    check_estimator(estimator, task)
    return StoredModel(format=ModelFormat.SKOPS, data=dump_skops(estimator))


def _convert(model: object, signature: Signature) -> "Foreign | None":
    from holdtrue.registry.conversion import convert_foreign

    return convert_foreign(model, signature)


def _store_foreign(foreign: "Foreign", signature: Signature, sample: "pl.DataFrame | None") -> StoredModel:
    from holdtrue.registry.foreign import check_foreign

    loaded = recall_model(foreign.data, ModelFormat.ONNX, signature)
    check_foreign(foreign, loaded, signature, sample)
    return StoredModel(format=ModelFormat.ONNX, data=foreign.data)


def _check_signature(signature: Signature, task: Task, n_features: int) -> None:
    columns: tuple[Column, ...] = signature.schema.columns
    if signature.task is not task or len(columns) != n_features:
        raise TrainingFailed(
            f"the model was trained on {n_features} features for {task.value}, "
            f"its signature says {len(columns)} for {signature.task.value}",
            expected="one schema for training and for requests",
        )


def _check_answers(estimator: object, stored: StoredModel, signature: Signature, sample: "pl.DataFrame | None") -> None:
    import numpy as np

    loaded = recall_model(stored.data, stored.format, signature)
    if sample is None or not sample.height:
        return
    is_skops = stored.format is ModelFormat.SKOPS
    if is_skops:
        from holdtrue.registry.estimator import EstimatorScorer

        before = EstimatorScorer(estimator, signature).score(sample)
    elif stored.format is ModelFormat.XGBOOST:
        from holdtrue.registry.xgboost_format import score_booster

        before = score_booster(estimator, signature, sample)
    else:
        from holdtrue.registry.lightgbm_format import score_in_memory

        before = score_in_memory(estimator, signature, sample)
    allowed = SKOPS_TOLERANCE if is_skops else LIGHTGBM_TOLERANCE
    rows = sample.select(signature.schema.names).rows()
    for kind, after in (("frame", loaded.score(sample)), ("rows", loaded.score_rows(rows).answers)):
        difference = float(np.max(np.abs(after - before)))
        if not difference <= allowed:
            raise FormatRefused(
                f"the stored {type(estimator).__name__} answers differently from the one in memory "
                f"(as {kind}: by up to {difference:.3g} on {sample.height} rows)",
                expected=f"a difference of at most {allowed:g}",
                remedy="use estimators whose whole state is in their fitted attributes",
            )
