"""A model from outside meets a child process first, whatever it does there."""

import operator
import pickle
import re
import signal
import tempfile

import lightgbm
import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from holdtrue.domain import Column, Kind, ModelFormat, Schema, Signature, Task
from holdtrue.errors import FormatRefused
from holdtrue.registry import dump_model, load_model
from holdtrue.validation import admission, admit_model, convert_model

RNG = np.random.default_rng(3)
ROWS = pl.DataFrame({"heat": RNG.normal(size=400), "noise": RNG.normal(size=400)})
LATE = ROWS["heat"].to_numpy() > 0
SIGNATURE = Signature(
    schema=Schema((Column(name="heat", kind=Kind.NUMBER), Column(name="noise", kind=Kind.NUMBER))),
    task=Task.BINARY,
    label="late",
    classes=(False, True),
)


@pytest.fixture(scope="module")
def boosted() -> bytes:
    model = lightgbm.LGBMClassifier(n_estimators=20, verbose=-1).fit(ROWS.to_pandas(), LATE)
    return model.booster_.model_to_string().encode()


@pytest.fixture(scope="module")
def linear() -> bytes:
    return dump_model(LogisticRegression().fit(ROWS, LATE), task=Task.BINARY, n_features=2).data


def admit(data: bytes) -> admission.Admitted:
    return admit_model(data, signature=SIGNATURE, sample=ROWS.head(16))


@pytest.mark.parametrize("name", ["boosted", "linear"])
def test_a_sound_model_is_admitted_with_the_answers_that_it_gives_here(
    name: str, request: pytest.FixtureRequest
) -> None:
    data = request.getfixturevalue(name)
    admitted = admit(data)
    here = load_model(data, admitted.stored.format, SIGNATURE).score(ROWS.head(16))
    assert np.abs(np.array(admitted.answers) - here).max() <= 1e-12
    assert admitted.sample[0] == ROWS.row(0, named=True)


def mend_sizes(text: bytes) -> bytes:
    """Return a changed text whose head says how long its trees are now: one that is whole, and wrong."""
    trees = re.split(rb"(?=Tree=\d)", text[text.index(b"Tree=0") : text.index(b"end of trees")])[1:]
    return re.sub(rb"tree_sizes=.*", b"tree_sizes=" + b" ".join(b"%d" % len(tree) for tree in trees), text, count=1)


def test_a_file_that_ends_its_process_is_refused_with_the_signal(boosted: bytes) -> None:
    cursed = boosted.replace(b"split_feature=0", b"split_feature=99999999", 1).replace(b"left_child=1", b"left_child=7")
    cursed = mend_sizes(cursed.replace(b"left_child=", b"left_child=2147483000 ", 1))
    with pytest.raises(FormatRefused, match=r"child process"):
        admit(cursed)


def test_a_child_that_is_killed_is_a_named_error() -> None:
    with pytest.raises(FormatRefused, match="SIGKILL"):
        convert_model(pickle.dumps(Kill()), task=Task.BINARY)


class Kill:
    """Kills the process that unpickles it."""

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return signal.raise_signal, (signal.SIGKILL,)


class Feast:
    """Asks for more memory than the child may have."""

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return np.ones, ((1 << 33,),)


def test_a_file_that_asks_for_too_much_memory_is_refused() -> None:
    with pytest.raises(FormatRefused, match="Memory"):
        convert_model(pickle.dumps(Feast()), task=Task.BINARY)


def test_a_child_may_write_no_file() -> None:
    with pytest.raises(FormatRefused, match="No usable temporary directory"):
        convert_model(pickle.dumps(Write()), task=Task.BINARY)


class Write:
    """Writes a file."""

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return tempfile.mkdtemp, ()


def test_a_file_that_is_too_large_is_refused_before_it_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "MAX_BYTES", 10)
    with pytest.raises(FormatRefused, match="at most 10"):
        admit(b"tree\nversion=v4\n")


def test_another_number_of_features_is_refused(boosted: bytes) -> None:
    other = lightgbm.LGBMClassifier(n_estimators=5, verbose=-1).fit(
        ROWS.with_columns(speed=pl.col("heat") * 2).to_pandas(), LATE
    )
    with pytest.raises(FormatRefused, match="speed"):
        admit(other.booster_.model_to_string().encode())


def test_raw_scores_are_no_probabilities() -> None:
    model = lightgbm.LGBMRegressor(n_estimators=5, verbose=-1).fit(ROWS.to_pandas(), LATE * 9.0)
    with pytest.raises(FormatRefused, match="regression"):
        admit(model.booster_.model_to_string().encode())


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_of_every_protocol_are_refused_with_what_to_do(protocol: int) -> None:
    data = pickle.dumps(LogisticRegression().fit(ROWS, LATE), protocol=protocol)
    with pytest.raises(FormatRefused, match="--convert"):
        admit(data)


def test_a_pickle_of_ones_own_is_converted_and_answers_the_same() -> None:
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(ROWS, LATE)
    data = convert_model(pickle.dumps(model), task=Task.BINARY)
    answers = load_model(data, ModelFormat.SKOPS, SIGNATURE).score(ROWS)
    assert np.abs(answers - model.predict_proba(ROWS)).max() <= 1e-12
    boosted = lightgbm.LGBMClassifier(n_estimators=5, verbose=-1).fit(ROWS.to_pandas(), LATE)
    assert convert_model(pickle.dumps(boosted), task=Task.BINARY).startswith(b"tree\n")


def test_what_cannot_be_stored_safely_is_refused_in_conversion_too() -> None:
    model = make_pipeline(FunctionTransformer(operator.neg), LogisticRegression()).fit(ROWS.to_numpy(), LATE)
    with pytest.raises(FormatRefused, match="cannot be stored"):
        convert_model(pickle.dumps(model), task=Task.BINARY)


def test_what_is_no_pickle_cannot_be_converted(boosted: bytes) -> None:
    with pytest.raises(FormatRefused, match="cannot be unpickled"):
        convert_model(b"nothing of the kind", task=Task.BINARY)
