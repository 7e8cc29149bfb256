"""Words: how numbers, shares and moments are said to people, the same everywhere."""

from datetime import datetime, timedelta

from holdtrue.domain import LossKind, format_count

# From here on the digits of a number say less than how many there are.
_HUGE = 1e15
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LOSS_NAMES = {LossKind.LOG_LOSS.value: "log-loss", LossKind.ABSOLUTE_ERROR.value: "absolute error"}
_METRIC_NAMES = {
    "auc": "AUC",
    "brier": "Brier",
    "predicted_share": "Predicted share",
    "actual_share": "Actual share",
    "log_loss": "Log-loss",
}


def format_number(value: float) -> str:
    """Say a number with the digits that a reader can use: three decimals below 1, none from 100 on.

    >>> format_number(0.51234), format_number(12345.6), format_number(3), format_number(-0.00042), format_number(8e298)
    ('0.512', '12,346', '3', '-0.00042', '8e+298')
    """
    if isinstance(value, int):
        return f"{value:,}"
    size = abs(value)
    if size >= _HUGE:
        text = f"{value:.3g}"
    elif size >= 100:
        text = f"{value:,.0f}"
    elif size >= 1:
        text = f"{value:.1f}" if size >= 10 else f"{value:.2f}"
    else:
        text = f"{value:.3f}" if size >= 0.01 or size == 0 else f"{value:.2g}"
    return "0" if text in {"0.000", "-0.000"} else text


def format_about(value: float) -> str:
    """Say a number that another measurement would give only roughly again: two digits.

    >>> format_about(307964.2), format_about(0.4377), format_about(23.0)
    ('about 310,000', 'about 0.44', 'about 23')
    """
    rounded = float(f"{value:.2g}")
    return f"about {rounded:,.0f}" if rounded >= 10 else f"about {rounded:g}"


def format_share(share: float) -> str:
    """Say a share (0..1) in per cent; a share that is neither nothing nor all is never rounded to it.

    >>> format_share(0.05), format_share(0.9812), format_share(1.0), format_share(0.99999)
    ('5 %', '98.1 %', '100 %', '99.99 %')
    """
    percent = share * 100
    if 0 < percent < 0.01 or 99.99 < percent < 100:
        percent = 0.01 if percent < 50 else 99.99
    digits = 2 if percent and (percent < 1 or 99.9 < percent < 100) else 1
    text = f"{percent:.{digits}f}"
    return f"{text.rstrip('0').rstrip('.')} %"


def format_day(moment: datetime) -> str:
    """Say a day: 4 Sep 2013."""
    return f"{moment.day} {MONTHS[moment.month - 1]} {moment.year}"


def format_moment(moment: datetime) -> str:
    """Say a moment to the minute: 4 Sep 2013, 14:30."""
    return f"{format_day(moment)}, {moment:%H:%M}"


def is_month(start: datetime, end: datetime) -> bool:
    """Say whether [start, end) is one calendar month, give or take hours."""
    return start.day == end.day == 1 and (end.year * 12 + end.month) - (start.year * 12 + start.month) == 1


def format_period(start: datetime, end: datetime) -> str:
    """Say a period [start, end): its month or year when it is one, else its first and its last day.

    >>> from datetime import UTC
    >>> format_period(datetime(2013, 3, 1, tzinfo=UTC), datetime(2013, 4, 1, tzinfo=UTC))
    'Mar 2013'
    """
    if is_month(start, end):
        return f"{MONTHS[start.month - 1]} {start.year}"
    if (start.day, start.month, end.day, end.month) == (1, 1, 1, 1) and end.year == start.year + 1:
        return str(start.year)
    last = end - timedelta(microseconds=1)
    if start.date() == last.date():
        return format_day(start)
    if start.year == last.year:
        return f"{start.day} {MONTHS[start.month - 1]} to {format_day(last)}"
    return f"{format_day(start)} to {format_day(last)}"


def format_days(days: float) -> str:
    """Say a length of time that is known only roughly: about 3 hours, about 12 days.

    >>> format_days(0.125), format_days(12.4), format_days(1.0), format_days(0.001)
    ('about 3 hours', 'about 12 days', 'about 1 day', 'less than an hour')
    """
    hours = round(days * 24)
    if days * 24 < 1:
        return "less than an hour"
    if days >= 1.75:
        return f"about {days:,.0f} days" if days >= 10 else f"about {f'{days:.1f}'.removesuffix('.0')} days"
    return "about 1 day" if hours == 24 else f"about {format_count(hours, 'hour')}"


def name_loss(loss_name: str) -> str:
    """Say a loss in words: `log_loss` is log-loss."""
    return _LOSS_NAMES.get(loss_name, loss_name.replace("_", " "))


def name_standard(standard: str) -> str:
    """Say a standard of the gate: `no_harm` is "no harm", `non_inferior` is "not worse, proven"."""
    return {"no_harm": "no harm", "non_inferior": "not worse, proven"}.get(standard, standard.replace("_", " "))


def name_metric(metric: str) -> str:
    """Say a metric as the head of a column: `predicted_share` is Predicted share."""
    return _METRIC_NAMES.get(metric, metric.replace("_", " ").capitalize())


def join_words(words: list[str]) -> str:
    """Join words as a sentence does.

    >>> join_words(["May", "June", "July"])
    'May, June and July'
    """
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""
