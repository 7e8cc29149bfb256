"""Label reader: the labels of a loop as of a moment, of which each look reads only those that are new."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import numpy as np
import polars as pl

from holdtrue.data.log.rows import Types, unify_values
from holdtrue.data.moment import UTC_TIME
from holdtrue.data.predictions import read_log_keys
from holdtrue.domain import LabelValue
from holdtrue.store import Store

_FACTS: Types = {
    "sequence": pl.Int64,
    "key": pl.String,
    "prediction_id": pl.String,
    "label": pl.String,  # as JSON
    "at": pl.Float64,
    "received_at": pl.Float64,
}


class LabelReader:
    """Reads the labels of one loop, each time only what is new: for a process that looks again and again.

    Of several labels for a key that were known by a moment the last one received counts, from the moment of the first
    that said so: one that repeats the label before it changes nothing. A label that names a prediction is resolved to
    its key by the log; one whose prediction nobody knows is left out. A label that was erased is gone at the next look.
    """

    def __init__(self, store: Store, loop_name: str) -> None:
        self._store = store
        self._loop_name = loop_name
        self._facts = pl.DataFrame(schema=_FACTS)
        self._latest: pl.DataFrame | None = None
        self._seen_at = 0.0

    def read(self, *, as_of: datetime, predictions: pl.DataFrame | None = None) -> pl.DataFrame:
        """Return the label of each key as of a moment: columns key, label, known_at (UTC).

        Args:
            as_of: labels that were known later (`at`) are not seen.
            predictions: what `read_predictions` returned, to spare reading the log again.
        """
        is_new, moment = self._take_new(), as_of.timestamp()
        if self._latest is None or is_new or not self._shows(moment):
            known = self._facts.filter(pl.col("at") <= moment).drop("sequence", "received_at")
            self._latest, self._seen_at = _choose_latest(self._name_keys(known, predictions)), moment
        return self._latest

    def _take_new(self) -> bool:
        """Take in what was written since the last look; return whether anything was, or was erased."""
        held = self._facts
        with self._store.reading() as tx:
            last = held["sequence"].max() or 0
            assert isinstance(last, int)
            new = [_make_facts(batch) for batch in tx.labels.walk(self._loop_name, after=last)]
            n_labels = tx.labels.count(self._loop_name)
            if sum(batch.height for batch in new) + held.height != n_labels:  # some were erased
                held = pl.DataFrame(schema=_FACTS)
                new = [_make_facts(batch) for batch in tx.labels.walk(self._loop_name)]
            elif not new:
                return False
        # In the order of receipt, which is not that of writing where several servers receive.
        self._facts = pl.concat([held, *new]).sort("received_at", "sequence")
        return True

    def _shows(self, moment: float) -> bool:
        """Say whether what was found last holds at this moment too: it hangs on no log, and no label lies between."""
        since, until = sorted((self._seen_at, moment))
        facts = self._facts
        return not facts["key"].null_count() and not facts["at"].is_between(since, until, closed="right").any()

    def _name_keys(self, facts: pl.DataFrame, predictions: pl.DataFrame | None) -> pl.DataFrame:
        """Return facts with the key of each; those whose prediction nobody knows are left out."""
        if not facts["key"].null_count():
            return facts
        if predictions is None:
            folder = self._store.folder / "log" / self._loop_name
            ids = pl.DataFrame(list(read_log_keys(folder).items()), schema=_KEYS, orient="row")
        else:
            ids = predictions.select(pl.col("prediction_id"), log_key="key").unique("prediction_id", keep="last")
        named = facts.join(ids, on="prediction_id", how="left", maintain_order="left")
        return named.with_columns(pl.coalesce("key", "log_key")).drop_nulls("key")


_KEYS: Types = {"prediction_id": pl.String, "log_key": pl.String}


def _make_facts(batch: Mapping[str, Sequence[Any]]) -> pl.DataFrame:
    return pl.DataFrame(batch, schema=_FACTS)


def _choose_latest(facts: pl.DataFrame) -> pl.DataFrame:
    """Return the label of each key that counts; facts come in the order of receipt."""
    texts = facts["label"].unique(maintain_order=True)
    values = _read_values(texts)
    # Two spellings of one number are one label: 1 and 1.0.
    codes: dict[LabelValue, int] = {}
    numbers = [codes.setdefault(value, len(codes)) for value in values]
    said = pl.DataFrame({"label": texts, "code": pl.Series(numbers, dtype=pl.Int64)})
    kept = _drop_superseded(
        facts.select("key", "label", "at").join(said, on="label", how="left", maintain_order="left")
    )
    told = kept["label"].unique(maintain_order=True)
    typed = pl.DataFrame({"label": told, "value": unify_values("value", _read_values(told))})
    labels = kept.select("label").join(typed, on="label", how="left", maintain_order="left")["value"]
    known_at = pl.Series("known_at", np.rint(kept["at"].to_numpy() * 1e6).astype(np.int64))
    return pl.DataFrame([kept["key"], labels.alias("label"), known_at.cast(UTC_TIME)])


def _drop_superseded(facts: pl.DataFrame) -> pl.DataFrame:
    """Return for each key, in the order in which they first came, the first fact that says what the last one says."""
    if facts["key"].n_unique() == facts.height:
        return facts
    says_else = (pl.col("code") != pl.col("code").shift().over("key")).fill_null(value=True)
    return facts.filter(says_else).group_by("key", maintain_order=True).last()


def _read_values(texts: pl.Series) -> list[LabelValue]:
    values: list[LabelValue] = msgspec.json.decode(f"[{','.join(texts)}]")
    return values
