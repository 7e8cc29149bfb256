"""Refusals: why a request, or one row of it, is not answered; each has a code that programs can go by."""

from enum import StrEnum

from holdtrue.errors import RequestInvalid


class Code(StrEnum):
    """What is wrong, in one word for programs; the sentence is for people."""

    MALFORMED = "malformed"
    NOT_FINITE = "not_finite"
    WRONG_CONTENT_TYPE = "wrong_content_type"
    TOO_LARGE = "too_large"
    TOO_SLOW = "too_slow"
    WRONG_FORM = "wrong_form"
    EMPTY = "empty"
    WRONG_TYPE = "wrong_type"
    OUT_OF_RANGE = "out_of_range"
    NULL_NOT_ALLOWED = "null_not_allowed"
    MISSING_FIELD = "missing_field"
    UNKNOWN_FIELD = "unknown_field"
    LEVEL_NOT_ALLOWED = "level_not_allowed"
    RULE_BROKEN = "rule_broken"
    LABEL_NOT_ALLOWED = "label_not_allowed"
    NO_TIME_ZONE = "no_time_zone"
    DUPLICATE_KEY = "duplicate_key"
    NO_TOKEN = "no_token"
    NOT_ALLOWED = "not_allowed"
    UNKNOWN_LOOP = "unknown_loop"
    UNKNOWN_VERSION = "unknown_version"
    VERSION_NOT_CHOSEN = "version_not_chosen"
    NOT_OFFERED = "not_offered"
    UNKNOWN_ROUTE = "unknown_route"
    WRONG_METHOD = "wrong_method"
    NOT_READY = "not_ready"
    OVERLOADED = "overloaded"
    LOG_FULL = "log_full"
    MODEL_FAILED = "model_failed"
    DEADLINE_PASSED = "deadline_passed"
    BROKEN = "broken"


_STATUSES = {
    Code.MALFORMED: 400,
    Code.NOT_FINITE: 400,
    Code.NO_TOKEN: 401,
    Code.NOT_ALLOWED: 403,
    Code.VERSION_NOT_CHOSEN: 403,
    Code.NOT_OFFERED: 403,
    Code.UNKNOWN_LOOP: 404,
    Code.UNKNOWN_VERSION: 404,
    Code.UNKNOWN_ROUTE: 404,
    Code.WRONG_METHOD: 405,
    Code.TOO_SLOW: 408,
    Code.TOO_LARGE: 413,
    Code.WRONG_CONTENT_TYPE: 415,
    Code.MODEL_FAILED: 500,
    Code.BROKEN: 500,
    Code.NOT_READY: 503,
    Code.OVERLOADED: 503,
    Code.LOG_FULL: 503,
    Code.DEADLINE_PASSED: 504,
}
INVALID_STATUS = 422


class Refused(RequestInvalid):
    """A request, or one row of it, that is not answered.

    Attributes:
        code: what is wrong.
        path: the JSON path of the offending place.
    """

    def __init__(self, code: Code, found: str, *, path: str = "$", expected: str = "", remedy: str = "") -> None:
        self.code = code
        super().__init__(found, path=path, expected=expected, remedy=remedy)

    @property
    def status(self) -> int:
        """Return the HTTP status that says so."""
        return _STATUSES.get(self.code, INVALID_STATUS)

    def describe(self) -> dict[str, str]:
        """Return the refusal as the JSON object that a reply carries."""
        return {"code": self.code.value, "message": str(self), "path": self.path}
