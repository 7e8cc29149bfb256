import lightgbm
import polars as pl
import pytest

from holdtrue.domain import Task
from holdtrue.errors import FormatRefused
from holdtrue.registry import learn_levels, load_model, name_format
from registry.conftest import SCHEMA, make_signature


def save(frame: pl.DataFrame, late: object) -> bytes:
    model = lightgbm.LGBMClassifier(n_estimators=5, verbose=-1, min_data_in_leaf=2)
    return model.fit(frame.to_pandas(), late).booster_.model_to_string().encode()


def test_levels_that_only_the_model_has_seen_become_levels_of_its_signature(frame, late) -> None:
    wider = frame.with_columns(
        place=pl.when(pl.int_range(pl.len()) % 9 == 0).then(pl.lit("w")).otherwise(pl.col("place").cast(pl.String))
    ).with_columns(pl.col("place").cast(pl.Enum(["w", "x", "y", "z"])))
    data = save(wider, late)
    signature = learn_levels(data, make_signature())
    assert signature.schema.column("place").levels == ("w", "x", "y", "z")
    assert signature.schema.names == SCHEMA.names
    assert load_model(data, name_format(data), signature).score(wider.head(3)).shape == (3, 2)


def test_codes_of_ones_own_for_a_text_column_are_refused(frame, late) -> None:
    coded = frame.with_columns(pl.col("place").to_physical())
    with pytest.raises(FormatRefused, match="text in the table"):
        learn_levels(save(coded, late), make_signature())


def test_other_formats_and_models_without_texts_are_left_as_they_are(frame, late) -> None:
    signature = make_signature(task=Task.REGRESSION)
    assert learn_levels(b"PK\x03\x04", signature) is signature
    plain = learn_levels(save(frame.select("age", "visits"), late), signature)
    assert plain == signature


@pytest.mark.parametrize("line", [b"pandas_categorical:[[", b"pandas_categorical:[1]", b"pandas_categorical:{}"])
def test_broken_categories_are_refused(line: bytes) -> None:
    with pytest.raises(FormatRefused):
        learn_levels(b"tree\nversion=v4\nfeature_names=place\n" + line + b"\n", make_signature())
