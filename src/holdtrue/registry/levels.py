"""Levels: which texts a model from outside knows, read from its file, so that its signature can say them."""

import json
import re
from dataclasses import replace
from itertools import zip_longest

from holdtrue.domain import Kind, Schema, Signature
from holdtrue.errors import FormatRefused

_NAMES = re.compile(rb"^feature_names=(.*)$", re.MULTILINE)
_CATEGORIES = re.compile(rb"^pandas_categorical:(.*)$", re.MULTILINE)
_UNSAID = re.compile(r"[^A-Za-z0-9_]")


def learn_levels(data: bytes, signature: Signature) -> Signature:
    """Return a signature whose text columns also have the levels that a LightGBM text knows of them.

    A model may have seen levels that the rows at hand have not; any other format is left as it is.

    Raises:
        FormatRefused: the model takes a text column as codes of its own, which nobody here can know.
    """
    found = _NAMES.search(data) if data.startswith(b"tree\n") else None
    if found is None:
        return signature
    names = found.group(1).decode(errors="replace").split()
    columns = {_UNSAID.sub("_", column.name): column for column in signature.schema.columns}
    texts = [
        column
        for name in names
        if (column := columns.get(_UNSAID.sub("_", name))) is not None and column.kind is Kind.TEXT
    ]
    learned = {}
    for column, levels in zip_longest(texts, _read_categories(data)):
        if column is None or levels is None:
            raise FormatRefused(
                f"the LightGBM model takes {len(texts)} columns that are text in the table, "
                f"and names the levels of {len(_read_categories(data))}",
                expected="text columns that it was trained on as pandas categories",
                remedy="train on a pandas frame with categories, or compute the codes in the table",
            )
        learned[column.name] = tuple(sorted({*column.levels, *map(str, levels)}))
    widened = [
        replace(column, levels=learned[column.name]) if column.name in learned else column
        for column in signature.schema.columns
    ]
    return replace(signature, schema=Schema(tuple(widened)))


def _read_categories(data: bytes) -> list[list[object]]:
    found = _CATEGORIES.search(data)
    try:
        categories = json.loads(found.group(1)) if found is not None else None
    except (ValueError, RecursionError) as error:
        raise FormatRefused(f"the categories of the LightGBM text cannot be read ({error})") from error
    if categories is None:
        return []
    if not isinstance(categories, list) or not all(isinstance(levels, list) for levels in categories):
        raise FormatRefused("the categories of the LightGBM text are no lists", expected="an intact model text")
    return categories
