"""Every form of the wire against what is good and all that is not: rows, bodies, connections."""

import asyncio
import io
import json
import random

import polars as pl
import pytest

from holdtrue.serving.wire import intake
from serving.flights import ROW, make_frame
from serving.forms import FORMS, JSON_FORMS, NAMED_FORMS, VERSIONED_FORMS, BinaryTensors

EVERY = pytest.mark.parametrize("form", FORMS, ids=repr)


async def send(client, form, body, *, loop="flights", version=None, **headers):
    headers = {**form.headers(body if isinstance(body, bytes) else b""), **headers}
    return await client.post(form.name_path(loop, version), content=body, headers=headers)


def ask(served, form, body, **options):
    async def scenario(client):
        reply = await send(client, form, body, **options)
        # Whatever was sent, the next client is answered.
        assert (await send(client, FORMS[0], FORMS[0].encode([ROW]))).status_code == 200
        return reply

    return served.run(scenario)


def make_rows(n_rows=3, **changes):
    """Return good rows; a change is the value that the second one has instead."""
    rows = make_frame(4, n_rows).to_dicts()
    return [{**row, **changes} if i == 1 else row for i, row in enumerate(rows)]


def count_answers(told):
    if "outputs" in told and isinstance(told["outputs"], dict):
        return len(told["outputs"]["label"])
    return told["outputs"][0]["shape"][0] if "outputs" in told else len(told["predictions"])


def read_refusal(form, reply):
    """Return code and path of a refusal, in the native form of the only refused row."""
    told = reply.json()
    if form.fails_alone and reply.status_code == 200:
        (error,) = [entry["error"] for entry in told["predictions"] if "error" in entry]
        return error["code"], error["path"]
    code, message, path = form.read_error(told)
    assert message
    return code, path


@EVERY
def test_good_rows_are_answered_the_same_in_every_form(served, form):
    rows = make_rows()
    reply, native = ask(served, form, form.encode(rows)), ask(served, FORMS[0], FORMS[0].encode(rows))
    assert reply.status_code == 200, reply.text
    assert count_answers(reply.json()) == 3
    logged = served.read_log()
    before, after = logged[:3], logged[4:7]
    assert [row.answer for row in before] == [row.answer for row in after]
    assert [row.features for row in before] == [row.features for row in after] == rows
    assert native.status_code == 200


@EVERY
def test_thousands_of_rows_are_answered_in_their_order(served, form):
    """They are taken apart and put together in a thread."""
    rows = make_frame(4, 2_000).to_dicts()
    body = form.encode(rows)
    reply = ask(served, form, body)
    assert reply.status_code == 200, reply.text
    assert count_answers(reply.json()) == 2_000
    assert [row.features for row in served.read_log()[:2_000]] == rows
    bad = ask(served, form, form.encode([*rows, {**ROW, "hour": "noon"}]))
    assert read_refusal(form, bad)[0] == "wrong_type"


@pytest.mark.parametrize("form", NAMED_FORMS, ids=repr)
def test_key_unit_and_time_travel_beside_the_features(served, form):
    events = {"flight": "UA1", "tail": "N7", "departs_at": "2013-09-01T10:00:00Z"}
    assert ask(served, form, form.encode([{**ROW, **events}])).status_code == 200
    row = served.read_log()[0]
    assert (row.key, row.unit) == ("UA1", "N7")


FAULTS = [
    ({"hour": "noon"}, "hour", {"wrong_type"}, 422),
    ({"distance": [1.0, 2.0]}, "distance", {"wrong_type"}, 422),
    ({"distance": float("nan")}, "distance", {"not_finite"}, 400),
    ({"distance": float("inf")}, "distance", {"not_finite"}, 400),
]


@EVERY
@pytest.mark.parametrize(("change", "field", "codes", "status"), FAULTS, ids=lambda value: str(value)[:20])
def test_a_bad_value_is_refused_with_its_row_and_field(served, form, change, field, codes, status):
    rows = make_rows(**change)
    reply = ask(served, form, form.encode(rows))
    code, path = read_refusal(form, reply)
    assert code in codes
    alone = form.fails_alone and code == "wrong_type"
    assert reply.status_code == (200 if alone else status)
    # There a text among numbers makes all of them text, so that the first row is the first that is wrong.
    if not (form.name in {"binary tensors", "parquet"} and code == "wrong_type"):
        assert path == form.spell_field(1, field, list(rows[0]))
    assert len(served.read_log()) == (3 if alone else 1)


@pytest.mark.parametrize("form", JSON_FORMS, ids=repr)
def test_a_number_beyond_all_floats_is_refused_with_its_place(served, form):
    rows = make_rows(distance=12345.5)
    reply = ask(served, form, form.encode(rows).replace(b"12345.5", b"1e999"))
    assert reply.status_code == 400
    assert read_refusal(form, reply) == ("not_finite", form.spell_field(1, "distance", list(rows[0])))


@EVERY
def test_a_missing_field_is_refused(served, form):
    rows = [{name: value for name, value in row.items() if name != "dest"} for row in make_rows()]
    reply = ask(served, form, form.encode(rows))
    code, path = read_first_refusal(form, reply)
    assert reply.status_code == 422
    assert code == ("wrong_form" if form.name == "lists" else "missing_field")
    assert path == form.spell_row(0)
    assert len(served.read_log()) == 1


@EVERY
def test_a_field_too_many_is_refused(served, form):
    rows = [{**row, "distanse": "x"} for row in make_rows()]
    reply = ask(served, form, form.encode(rows))
    code, path = read_first_refusal(form, reply)
    assert reply.status_code == 422
    assert code == ("wrong_form" if form.name == "lists" else "unknown_field")
    expected = form.spell_row(0) if form.name == "lists" else form.spell_field(0, "distanse", list(rows[0]))
    assert path == expected
    assert "distance" in reply.text


def read_first_refusal(form, reply):
    code, _, path = form.read_error(reply.json())
    return code, path


@EVERY
def test_no_rows_are_refused(served, form):
    tensors = b'{"inputs": []}'
    empty = {"tensors": tensors, "binary tensors": tensors, "csv": b"distance,hour,dest\n"}.get(form.name)
    if form.name == "parquet":
        file = io.BytesIO()
        pl.DataFrame(ROW).clear().write_parquet(file)
        empty = file.getvalue()
    reply = ask(served, form, empty or _empty(form), **_measure(form, tensors))
    assert (reply.status_code, read_first_refusal(form, reply)[0]) == (422, "empty")


def _empty(form):
    """Return the body of a JSON form with every innermost list emptied."""
    ((member, value),) = form.shape([dict(ROW)]).items()
    if isinstance(value, list):
        return json.dumps({member: []}).encode()
    emptied = {name: [] if name != "columns" else names for name, names in value.items()}
    return json.dumps({member: emptied}).encode()


@EVERY
@pytest.mark.parametrize("body", [b"", b"\xff\xfe\x00", b'{"', b"7", b"[]", b"{}"], ids=repr)
def test_a_body_that_is_of_no_form_is_refused(served, form, body):
    reply = ask(served, form, body, **_measure(form, body))
    assert 400 <= reply.status_code < 500
    assert read_first_refusal(form, reply)[0] in {"malformed", "wrong_form", "empty", "missing_field", "unknown_field"}


@EVERY
def test_invalid_utf8_inside_a_body_is_refused(served, form):
    body = form.encode(make_rows(dest="QQQ")).replace(b"QQQ", b"Q\xffQ")
    reply = ask(served, form, body)
    assert (reply.status_code, read_first_refusal(form, reply)[0]) == (400, "malformed")


@EVERY
def test_nesting_of_ten_thousand_is_refused(served, form):
    for deep in (b"[" * 10_000 + b"]" * 10_000, b'{"a":' * 10_000 + b"1" + b"}" * 10_000):
        reply = ask(served, form, deep, **_measure(form, deep))
        assert 400 <= reply.status_code < 500, reply.text
        assert read_first_refusal(form, reply)[0] in {"malformed", "empty"}


@EVERY
def test_a_body_that_says_it_is_huge_is_refused_before_it_is_read(served, form):
    async def scenario(client):
        async def give():
            raise AssertionError("the body was read")
            yield b""

        return await send(client, form, give(), **{"content-length": str(1 << 30), **_measure(form, b" " * 8)})

    reply = served.run(scenario)
    assert (reply.status_code, read_first_refusal(form, reply)[0]) == (413, "too_large")


@EVERY
def test_a_body_in_chunks_is_answered_and_refused_where_it_grows_too_large(served, form):
    body = form.encode(make_rows())

    async def scenario(client):
        async def give(chunks):
            for chunk in chunks:
                yield chunk

        slices = [body[i : i + 50] for i in range(0, len(body), 50)]
        good = await send(client, form, give(slices), **_measure(form, body, is_whole=True))
        huge = await send(client, form, give([b" " * 100_000] * 20), **_measure(form, b" " * 8))
        return good, huge

    good, huge = served.run(scenario)
    assert good.status_code == 200, good.text
    assert (huge.status_code, read_first_refusal(form, huge)[0]) == (413, "too_large")


@EVERY
def test_a_slow_body_is_given_up_and_holds_nobody_up(served, form, monkeypatch):
    monkeypatch.setattr(intake, "BODY_SECONDS", 0.2)

    async def scenario(client):
        async def stall():
            yield b"{"
            await asyncio.sleep(5)

        slow = asyncio.create_task(send(client, form, stall(), **_measure(form, b" " * 8)))
        other = await send(client, FORMS[0], FORMS[0].encode(make_rows()))
        assert not slow.done()
        return other, await slow

    other, slow = served.run(scenario)
    assert other.status_code == 200
    assert (slow.status_code, read_first_refusal(form, slow)[0]) == (408, "too_slow")


@EVERY
@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_a_body_of_another_type_is_refused(served, form, content_type):
    body = form.encode(make_rows())
    reply = ask(served, form, body, **{**_measure(form, body, is_whole=True), "content-type": content_type})
    assert (reply.status_code, read_first_refusal(form, reply)[0]) == (415, "wrong_content_type")


@EVERY
def test_an_unknown_loop_is_refused(served, form):
    reply = ask(served, form, form.encode(make_rows()), loop="flihgts")
    assert (reply.status_code, read_first_refusal(form, reply)[0]) == (404, "unknown_loop")
    assert "did you mean 'flights'" in reply.text


@pytest.mark.parametrize("form", VERSIONED_FORMS, ids=repr)
@pytest.mark.parametrize("version", ["9", "latest", "-1", "9" * 40])
def test_an_unknown_version_is_refused(served, form, version):
    reply = ask(served, form, form.encode(make_rows()), version=version)
    assert (reply.status_code, read_first_refusal(form, reply)[0]) == (404, "unknown_version")


@EVERY
def test_no_mutant_of_a_body_breaks_a_form(served, form):
    dice = random.Random(11)
    n_mutants = 20 if form.name == "parquet" else 150

    async def scenario(client):
        for _ in range(n_mutants):
            body = bytearray(form.encode(make_rows(dice.choice([1, 3]))))
            headers = form.headers(body)
            for _ in range(dice.choice([1, 2, 5, 20])):
                place = dice.randrange(len(body))
                piece = dice.choice([b"", dice.randbytes(1), b'"', b"[", b"null", b"1e999", b"-", b"\xff"])
                body[place : place + dice.choice([0, 1, 4])] = piece
            reply = await send(client, form, bytes(body), **headers)
            assert reply.status_code < 500, (bytes(body), reply.text)
            assert reply.status_code == 200 or form.read_error(reply.json())
        return await send(client, FORMS[0], FORMS[0].encode([ROW]))

    assert served.run(scenario).status_code == 200


def _measure(form, body, *, is_whole=False):
    """Return the header that the binary form needs with a body that it did not write."""
    if not isinstance(form, BinaryTensors):
        return {}
    return form.headers(body) if is_whole else {"inference-header-content-length": str(max(1, len(body)))}
