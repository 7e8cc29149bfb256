"""Slices: how the watched parts of the rows stand, in sentences and as a table."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from holdtrue.domain import SliceReading, format_count

from .figures import Cell, Figures
from .words import format_day, format_number, join_words

_MOST_NAMED = 4
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def tell_watched_slices(slices: Sequence[SliceReading]) -> tuple[str, ...]:
    """Say how many slices are watched, where the risk has risen, and which have not enough data; () without slices.

    >>> tell_watched_slices([SliceReading(name="carrier = HA", reference_rows=37, reference_mean=0.4, n_needed=100)])
    ('0 slices are watched.', 'Not enough data to watch 1 slice: carrier = HA (37 of 100 rows when judged).')
    """
    if not slices:
        return ()
    watched = [each for each in slices if each.limit is not None]
    risen = [each for each in watched if each.has_risen]
    sentences = [f"{format_count(len(watched), 'slice')} {'is' if len(watched) == 1 else 'are'} watched"]
    sentences[0] += "; no alert of any of them stands now." if watched and not risen else "."
    sentences += [_tell_risen(each) for each in risen[:_MOST_NAMED]]
    sentences += [_count_more(risen)] if len(risen) > _MOST_NAMED else []
    sentences += _tell_ended([each for each in watched if each.ended_on is not None])
    short = sorted((each for each in slices if each.limit is None), key=lambda each: -each.reference_rows)
    if short:
        named = ", ".join(
            f"{each.name} ({each.reference_rows:,} of {format_count(each.n_needed or 0, 'row')} when judged)"
            for each in short[:_MOST_NAMED]
        )
        more = f", and {len(short) - _MOST_NAMED} more" if len(short) > _MOST_NAMED else ""
        sentences.append(f"Not enough data to watch {format_count(len(short), 'slice')}: {named}{more}.")
    return tuple(sentences)


def tabulate_watched_slices(slices: Sequence[SliceReading]) -> Figures | None:
    """Return each slice with what it is held against; None without slices."""
    if not slices:
        return None
    header = ("Slice", "Rows", "Mean loss", "When judged", "Rows then", "In order up to", "State")
    rows: list[tuple[Cell, ...]] = [
        (
            each.name,
            each.n_rows,
            each.mean,
            each.reference_mean,
            each.reference_rows,
            each.limit,
            _name_state(each),
        )
        for each in slices
    ]
    has_ended = any(each.ended_on is not None for each in slices)
    since = "; where an alert has ended, the rows since then" if has_ended else ""
    return Figures(f"Slices that are watched beside all rows{since}", header, tuple(rows))


def _tell_risen(each: SliceReading) -> str:
    mean, limit = format_number(each.mean or 0.0), format_number(each.limit or 0.0)
    usual = "" if each.reference_mean is None else f", {format_number(each.reference_mean)} when judged"
    labels = format_count(each.n_rows, "label")
    said = f"The risk has risen in {each.name}: mean loss {mean} from {labels}, in order up to {limit}{usual}."
    if each.calm_since is None or each.calm_mean is None:
        return said
    return f"{said} Since {_name_day(each.calm_since)} it lies at {format_number(each.calm_mean)}, in order again."


def _tell_ended(ended: Sequence[SliceReading]) -> list[str]:
    if not ended:
        return []
    latest = sorted(ended, key=lambda each: -(each.ended_on or 0))
    named = [f"{each.name} (since {_name_end(each)})" for each in latest[:_MOST_NAMED]]
    more = [format_count(len(latest) - _MOST_NAMED, "other")] if len(latest) > _MOST_NAMED else []
    return [f"The risk had risen, and is in order again, in {join_words([*named, *more])}."]


def _name_end(each: SliceReading) -> str:
    # As an alert says it: it ended when the day was over whose labels ended it.
    return _name_day((each.ended_on or 0) + 1)


def _name_day(day: int) -> str:
    return format_day(_EPOCH + timedelta(days=day))


def _count_more(risen: Sequence[SliceReading]) -> str:
    n_more = len(risen) - _MOST_NAMED
    return f"So it has in {format_count(n_more, 'other slice')}."


def _name_state(each: SliceReading) -> str:
    if each.limit is None:
        return f"not enough data: need {format_count(each.n_needed or 0, 'row')}"
    if each.has_risen:
        return "risen" if each.calm_since is None else f"risen; in order since {_name_day(each.calm_since)}"
    return "in order" if each.ended_on is None else f"in order since {_name_end(each)}"
