import pytest

from holdtrue.serving.request.body import decode_body, read_content_type, read_native
from holdtrue.serving.request.refusal import Code, Refused


def refuse(body: bytes) -> Refused:
    with pytest.raises(Refused) as caught:
        read_native(decode_body(body))
    return caught.value


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b'{"rows":[{"a":1},{"a":NaN}]}', "$.rows[1].a"),
        (b'{"rows":[{"dep delay":-Infinity}]}', '$.rows[0]["dep delay"]'),
        (b'{"rows":[{"a":1e999}]}', "$.rows[0].a"),
    ],
)
def test_a_number_that_is_not_finite_is_refused_with_its_path(body, path):
    refused = refuse(body)
    assert (refused.code, refused.path, refused.status) == (Code.NOT_FINITE, path, 400)
    assert "send null" in str(refused)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"rows":' + b"[" * 50_000, b'"\\ud800"', b"{} x"]
)
def test_a_body_that_is_no_json_is_refused(body):
    assert refuse(body).code is Code.MALFORMED


@pytest.mark.parametrize("body", [b"[]", b"3", b"{}", b'{"rows":{}}', b'{"rows":null}'])
def test_a_body_of_another_form_is_refused(body):
    assert refuse(body).code is Code.WRONG_FORM


def test_empty_rows_are_refused():
    assert (refuse(b'{"rows":[]}').code, refuse(b'{"rows":[]}').status) == (Code.EMPTY, 422)


def test_a_member_beside_the_rows_is_refused():
    assert refuse(b'{"rows":[{}],"instances":1}').path == "$.instances"


def test_a_row_that_is_no_object_fails_alone():
    records = read_native(decode_body(b'{"rows":[{"a":1},7]}'))
    assert records[0].refused is None
    assert records[1].refused is not None
    assert records[1].refused.path == "$.rows[1]"


@pytest.mark.parametrize("content_type", [None, "", "text/plain", "application/x-www-form-urlencoded"])
def test_another_content_type_is_refused(content_type):
    with pytest.raises(Refused) as caught:
        read_content_type(content_type)
    assert caught.value.status == 415


def test_json_may_name_its_charset():
    read_content_type("Application/JSON; charset=utf-8")
