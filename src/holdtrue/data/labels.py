"""Labels that come after the predictions: taken in from the servers, resolved to keys, joined as of a moment."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import polars as pl

from holdtrue.data.label_reader import LabelReader
from holdtrue.data.log.rows import decode_frame
from holdtrue.data.moment import UTC_TIME
from holdtrue.domain import LabelFact
from holdtrue.errors import LabelError
from holdtrue.store import Damage, Store, read_segments


def collect_labels(store: Store, *, on_damage: Callable[[Damage], None] | None = None) -> int:
    """Take the labels that servers received into the store; return how many were new.

    Labels and the place up to which they were read are kept in one transaction: a kill in between repeats nothing.

    Raises:
        StoreFailed: a segment is damaged in the middle and `on_damage` is None, or the disk refused.
    """
    folder = store.folder / "labels"
    with store.reading() as reading:
        offsets = {path.name: reading.labels.offset(path.name) for path in sorted(folder.glob("*.seg"))}
    decoder = msgspec.json.Decoder(LabelFact)
    facts, reached = [], {}
    for frame in read_segments(folder, start=offsets, on_damage=on_damage):
        facts.append(decode_frame(frame, decoder, "label"))
        reached[frame.segment] = frame.offset_after
    if not facts:
        return 0
    with store.transaction() as transaction:
        n_new = transaction.labels.append(facts)
        for segment, offset in reached.items():
            transaction.labels.set_offset(segment, offset)
    return n_new


def record_labels(store: Store, facts: Sequence[LabelFact]) -> int:
    """Keep labels that came another way (a file, a call) and return how many were new; all of them or none.

    Raises:
        LabelError: a label names neither or both of key and prediction_id, or is not a finite value.
    """
    for place, fact in enumerate(facts, start=1):
        if (fact.key is None) == (fact.prediction_id is None):
            raise LabelError(
                f"label {place} names {'neither' if fact.key is None else 'both'} of key and prediction_id",
                expected="one of them",
                remedy="send the key of the event, or the prediction_id that its answer carried",
            )
        if isinstance(fact.label, float) and not abs(fact.label) < float("inf"):
            raise LabelError(f"label {place} is {fact.label}", expected="a finite number, a text or a boolean")
    with store.transaction() as transaction:
        return transaction.labels.append(list(facts))


def latest_labels(
    store: Store, loop_name: str, *, as_of: datetime, predictions: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Return the label of each key as of a moment: columns key, label, known_at (UTC); see `LabelReader`.

    Of several labels for a key that were known by then the last one received counts, from the moment of the first that
    said so: one that repeats the label before it changes nothing. A label that names a prediction is resolved to its
    key by the log; one whose prediction nobody knows is left out.

    Args:
        store: where labels and log are.
        loop_name: name of the loop.
        as_of: labels that were known later (`at`) are not seen.
        predictions: what `read_predictions` returned, to spare reading the log again.
    """
    return LabelReader(store, loop_name).read(as_of=as_of, predictions=predictions)


def join_labels(
    predictions: pl.DataFrame, labels: pl.DataFrame, *, label_delay: timedelta, as_of: datetime
) -> pl.DataFrame:
    """Return the predictions with label, known_at, due_at, is_due and is_labelled, in the same order.

    A row enters a test when its label is due (time + label_delay <= as_of), not when the label happens to arrive: else
    the rows whose outcome shows early, which are not like the others, would be counted first. `is_labelled` says
    whether the label was known by then.

    Args:
        predictions: what `read_predictions` returned (or any frame with key and time).
        labels: what `latest_labels` returned.
        label_delay: how long after `time` a label is due.
        as_of: the moment from which it is seen.
    """
    moment = pl.lit(as_of.astimezone(UTC), dtype=UTC_TIME)
    joined = predictions.join(labels, on="key", how="left", maintain_order="left")
    is_known = (pl.col("known_at") <= moment).fill_null(False)
    joined = joined.with_columns(pl.when(is_known).then(pl.col("label")), pl.when(is_known).then(pl.col("known_at")))
    due_at = pl.col("time") + label_delay
    return joined.with_columns(due_at=due_at, is_due=due_at <= moment, is_labelled=pl.col("label").is_not_null())
