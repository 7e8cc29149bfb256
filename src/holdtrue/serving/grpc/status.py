"""Status: the gRPC status that says what a refusal says."""

from collections.abc import Mapping

from grpc import StatusCode

from holdtrue.serving.request.refusal import Code

STATUSES: Mapping[Code, StatusCode] = {
    Code.MALFORMED: StatusCode.INVALID_ARGUMENT,
    Code.NOT_FINITE: StatusCode.INVALID_ARGUMENT,
    Code.WRONG_CONTENT_TYPE: StatusCode.INVALID_ARGUMENT,
    Code.WRONG_FORM: StatusCode.INVALID_ARGUMENT,
    Code.EMPTY: StatusCode.INVALID_ARGUMENT,
    Code.WRONG_TYPE: StatusCode.INVALID_ARGUMENT,
    Code.OUT_OF_RANGE: StatusCode.INVALID_ARGUMENT,
    Code.NULL_NOT_ALLOWED: StatusCode.INVALID_ARGUMENT,
    Code.MISSING_FIELD: StatusCode.INVALID_ARGUMENT,
    Code.UNKNOWN_FIELD: StatusCode.INVALID_ARGUMENT,
    Code.LEVEL_NOT_ALLOWED: StatusCode.INVALID_ARGUMENT,
    Code.RULE_BROKEN: StatusCode.INVALID_ARGUMENT,
    Code.LABEL_NOT_ALLOWED: StatusCode.INVALID_ARGUMENT,
    Code.NO_TIME_ZONE: StatusCode.INVALID_ARGUMENT,
    Code.DUPLICATE_KEY: StatusCode.INVALID_ARGUMENT,
    Code.TOO_LARGE: StatusCode.RESOURCE_EXHAUSTED,
    Code.TOO_SLOW: StatusCode.DEADLINE_EXCEEDED,
    Code.DEADLINE_PASSED: StatusCode.DEADLINE_EXCEEDED,
    Code.NO_TOKEN: StatusCode.UNAUTHENTICATED,
    Code.NOT_ALLOWED: StatusCode.PERMISSION_DENIED,
    Code.VERSION_NOT_CHOSEN: StatusCode.PERMISSION_DENIED,
    Code.UNKNOWN_LOOP: StatusCode.NOT_FOUND,
    Code.UNKNOWN_VERSION: StatusCode.NOT_FOUND,
    Code.UNKNOWN_ROUTE: StatusCode.UNIMPLEMENTED,
    Code.WRONG_METHOD: StatusCode.UNIMPLEMENTED,
    Code.NOT_OFFERED: StatusCode.UNIMPLEMENTED,
    Code.NOT_READY: StatusCode.UNAVAILABLE,
    Code.OVERLOADED: StatusCode.UNAVAILABLE,
    Code.LOG_FULL: StatusCode.UNAVAILABLE,
    Code.MODEL_FAILED: StatusCode.INTERNAL,
    Code.BROKEN: StatusCode.INTERNAL,
}
