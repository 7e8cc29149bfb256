"""Fallback: what answers a row in the place of a version that fails, is late, or cannot take the row."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from holdtrue.domain.predicate import Expression, make_expression
from holdtrue.domain.signature import Signature
from holdtrue.domain.task import LabelValue, Task
from holdtrue.errors import DeclarationError

BROKEN_ROW = "the row breaks the schema"


def tell_failed(number: int) -> str:
    """Return how the mark of a row says that a version failed on it; `match_failed` finds it."""
    return f"v{number} failed"


def tell_late(number: int) -> str:
    """Return how the mark of a row says that a version was late; `match_failed` finds it."""
    return f"v{number} was late"


def match_failed(number: int) -> str:
    """Return the pattern of the marks of rows that a version failed on or was late for, whoever answered instead.

    >>> import re
    >>> [bool(re.search(match_failed(4), mark)) for mark in ("v4 failed: x", "last_good v2: v4 was late", "v14 failed")]
    [True, True, False]
    """
    return rf"^(?:[a-z_]+(?: v\d+)?: )?(?:{tell_failed(number)}|{tell_late(number)})"


"""How the log says that a fallback answered a row that the version could not have taken."""

_SUM_TOLERANCE = 1e-6
Substitute = Callable[[Mapping[str, object]], tuple[float, ...] | None]
"""Answers a row by name without a model; None where it cannot."""


class FallbackKind(StrEnum):
    """Who answers instead: the champion before, a constant, or a rule over the row."""

    LAST_GOOD = "last_good"
    CONSTANT = "constant"
    RULE = "rule"


class FallbackCause(StrEnum):
    """Why the version does not answer: it failed, its time was up, or the row breaks its schema."""

    FAILURE = "failure"
    DEADLINE = "deadline"
    SCHEMA = "schema"


_USUAL = (FallbackCause.FAILURE, FallbackCause.DEADLINE)


@dataclass(frozen=True, kw_only=True)
class Fallback:
    """A declared fallback; it travels in the release. Make one with `last_good`, `constant` or `rule`.

    Attributes:
        kind: who answers.
        on: the causes that it answers for.
        value: of a constant, the label or number; None where `shares` are given.
        shares: of a constant, each label with its probability.
        text: of a rule, its SQL expression.
    """

    kind: FallbackKind
    on: tuple[FallbackCause, ...] = _USUAL
    value: LabelValue | None = None
    shares: tuple[tuple[LabelValue, float], ...] = ()
    text: str = ""


def last_good(*, on: Sequence[FallbackCause | str] = _USUAL) -> Fallback:
    """Declare that the champion before, which stays loaded, answers; `on` names the causes.

    >>> last_good().on
    (<FallbackCause.FAILURE: 'failure'>, <FallbackCause.DEADLINE: 'deadline'>)
    """
    return Fallback(kind=FallbackKind.LAST_GOOD, on=_read_causes(on))


def constant(value: LabelValue | Mapping[LabelValue, float], *, on: Sequence[FallbackCause | str] = _USUAL) -> Fallback:
    """Declare one answer for every such row.

    Args:
        value: a number for a regression; a label, or for two classes the probability of the second (positive) one, or
            a probability for each label.
        on: the causes: "failure", "deadline", "schema".
    """
    if isinstance(value, Mapping):
        shares = tuple((label, float(share)) for label, share in value.items())
        return Fallback(kind=FallbackKind.CONSTANT, on=_read_causes(on), shares=shares)
    if not isinstance(value, bool | int | float | str):
        raise DeclarationError(f"constant({value!r})", expected="a label, a number, or probabilities by label")
    return Fallback(kind=FallbackKind.CONSTANT, on=_read_causes(on), value=value)


def rule(text: str, *, on: Sequence[FallbackCause | str] = _USUAL) -> Fallback:
    """Declare an SQL expression over the features whose value is the answer, read as that of `constant` is.

    >>> rule("CASE WHEN distance > 1000 THEN .3 ELSE .1 END").kind.value
    'rule'
    """
    if not isinstance(text, str) or not text.strip():
        raise DeclarationError(f"rule({text!r})", expected="an SQL expression over the features")
    return Fallback(kind=FallbackKind.RULE, on=_read_causes(on), text=text)


def settle_fallback(declared: object) -> Fallback | None:
    """Return what `fallback=` of a loop means: a fallback, or "last_good".

    Raises:
        DeclarationError: it is neither.
    """
    if declared is None or isinstance(declared, Fallback):
        return declared
    if declared == FallbackKind.LAST_GOOD.value:
        return last_good()
    raise DeclarationError(
        f"fallback={declared!r}", expected='"last_good", or what ht.last_good, ht.constant or ht.rule returns'
    )


def make_substitute(fallback: Fallback, signature: Signature) -> Substitute | None:
    """Return what answers rows of a signature; None for `last_good`, which a version answers.

    Raises:
        DeclarationError: the constant is no answer of that signature, or the rule cannot be asked there.
    """
    if fallback.kind is FallbackKind.LAST_GOOD:
        return None
    if fallback.kind is FallbackKind.RULE:
        return _make_asker(fallback.text, signature)
    answer = _spell_shares(fallback, signature) if fallback.shares else _spell_answer(fallback.value, signature)
    if answer is None:
        found = dict(fallback.shares) if fallback.shares else fallback.value
        raise DeclarationError(f"constant({found!r}) is no answer of this loop", expected=_say_answers(signature))
    return lambda _: answer


def _make_asker(text: str, signature: Signature) -> Substitute:
    expression = make_expression(text, {column.name: column.kind for column in signature.given.columns})
    if expression is None:
        raise DeclarationError(
            f"the fallback's rule cannot be asked about a request: {text}",
            expected="CASE WHEN, comparisons, + - * /, AND, OR, NOT, IS NULL, BETWEEN and IN over "
            + ", ".join(signature.given.names[:12]),
        )
    return lambda values: _ask(expression, values, signature)


def _ask(expression: Expression, values: Mapping[str, object], signature: Signature) -> tuple[float, ...] | None:
    try:
        return _spell_answer(expression.evaluate(values), signature)
    except (KeyError, TypeError, ValueError, OverflowError):  # the row breaks the schema where the rule reads it
        return None


def _spell_answer(value: object, signature: Signature) -> tuple[float, ...] | None:
    """Return a label, or a number, as the numbers of an answer; None when it is none."""
    number = float(value) if isinstance(value, int | float) and math.isfinite(value) else None
    if not signature.task.has_classes:
        return None if number is None or isinstance(value, bool) else (number,)
    if value in signature.classes and isinstance(value, str) == isinstance(signature.classes[0], str):
        return tuple(float(label == value) for label in signature.classes)
    if signature.task is Task.BINARY and number is not None and 0 <= number <= 1:
        return (1.0 - number, number)
    return None


def _spell_shares(fallback: Fallback, signature: Signature) -> tuple[float, ...] | None:
    shares = dict(fallback.shares)
    is_whole = set(shares) == set(signature.classes) and abs(sum(shares.values()) - 1.0) <= _SUM_TOLERANCE
    if not is_whole or any(not 0 <= share <= 1 for share in shares.values()):
        return None
    return tuple(shares[label] for label in signature.classes)


def _say_answers(signature: Signature) -> str:
    if not signature.task.has_classes:
        return "a finite number"
    named = f"one of {list(signature.classes)[:12]}, or a probability for each, which sum to 1"
    if signature.task is Task.BINARY:
        return f"{named}, or one from 0 to 1 for {signature.classes[1]!r}"
    return named


def _read_causes(named: Sequence[FallbackCause | str]) -> tuple[FallbackCause, ...]:
    expected = f"some of {[cause.value for cause in FallbackCause]}"
    if isinstance(named, str) or not named:
        raise DeclarationError(f"on={named!r}", expected=expected)
    for cause in named:
        if cause not in set(FallbackCause):
            raise DeclarationError(f"on= names {cause!r}", expected=expected)
    return tuple(FallbackCause(cause) for cause in dict.fromkeys(named))
