"""What may be declared as a fallback, and what answers it gives."""

import pytest

import holdtrue as ht
from holdtrue.domain import Column, Fallback, FallbackCause, Kind, Schema, Signature, Task, make_substitute
from holdtrue.errors import DeclarationError

SCHEMA = Schema((Column(name="distance", kind=Kind.NUMBER), Column(name="dest", kind=Kind.TEXT)))
LATE = Signature(schema=SCHEMA, task=Task.BINARY, label="late", classes=(False, True))
KINDS = Signature(schema=SCHEMA, task=Task.MULTICLASS, label="kind", classes=("a", "b", "c"))
DELAY = Signature(schema=SCHEMA, task=Task.REGRESSION, label="delay")
TABLE = ht.table("x.parquet", time="at", label="late", label_delay="1d")


@pytest.mark.parametrize(
    ("declared", "signature", "answer"),
    [
        (ht.constant(0.02), LATE, (0.98, 0.02)),
        (ht.constant(True), LATE, (0.0, 1.0)),
        (ht.constant({True: 0.25, False: 0.75}), LATE, (0.75, 0.25)),
        (ht.constant("b"), KINDS, (0.0, 1.0, 0.0)),
        (ht.constant(12), DELAY, (12.0,)),
        (ht.rule("CASE WHEN distance > 1000 THEN .3 ELSE .1 END"), LATE, (0.7, 0.3)),
        (ht.rule("distance > 1000"), LATE, (0.0, 1.0)),
        (ht.rule("CASE WHEN dest = 'x' THEN 'a' ELSE 'c' END"), KINDS, (1.0, 0.0, 0.0)),
        (ht.rule("distance / 100 + 2"), DELAY, (16.0,)),
    ],
)
def test_a_constant_or_a_rule_answers_in_the_numbers_of_the_signature(declared, signature, answer):
    assert make_substitute(declared, signature)({"distance": 1400.0, "dest": "x"}) == pytest.approx(answer)


@pytest.mark.parametrize(
    ("declared", "signature"),
    [
        (ht.constant(2), LATE),
        (ht.constant("late"), LATE),
        (ht.constant(0.5), KINDS),
        (ht.constant({"a": 0.5, "b": 0.5}), KINDS),
        (ht.constant({"a": 0.5, "b": 0.6, "c": -0.1}), KINDS),
        (ht.constant(float("nan")), DELAY),
        (ht.constant(True), DELAY),
        (ht.rule("speed > 3"), LATE),
        (ht.rule("abs(distance)"), DELAY),
    ],
)
def test_what_is_no_answer_of_the_signature_is_refused_before_it_ships(declared, signature):
    with pytest.raises(DeclarationError):
        make_substitute(declared, signature)


@pytest.mark.parametrize("row", [{}, {"distance": "far"}, {"distance": None}, {"distance": [1]}, {"distance": 1e400}])
def test_a_rule_that_cannot_read_a_row_has_no_answer(row):
    assert make_substitute(ht.rule("distance / 100"), DELAY)(row) is None


def test_a_loop_takes_the_name_of_the_last_good_version_or_an_object():
    loop = ht.Loop("x", data=TABLE, fallback="last_good")
    assert loop.fallback == ht.last_good()
    assert loop.declared_fallback.on == (FallbackCause.FAILURE, FallbackCause.DEADLINE)
    assert ht.constant(1, on=("schema",)).on == (FallbackCause.SCHEMA,)
    assert ht.Loop("x", data=TABLE).declared_fallback is None
    assert isinstance(hash(ht.constant({True: 0.5, False: 0.5})), int)
    assert make_substitute(ht.last_good(), LATE) is None


@pytest.mark.parametrize("declared", ["first_good", 0.02, True, ["last_good"]])
def test_anything_else_is_no_fallback(declared):
    with pytest.raises(DeclarationError, match="last_good"):
        ht.Loop("x", data=TABLE, fallback=declared)


@pytest.mark.parametrize("on", [(), "schema", ("weather",)])
def test_causes_that_are_not_known_are_refused(on):
    with pytest.raises(DeclarationError, match="on="):
        ht.last_good(on=on)


def test_a_fallback_survives_the_way_through_json():
    import msgspec

    for fallback in (ht.constant({True: 0.5, False: 0.5}), ht.constant(0.02), ht.constant(True), ht.rule("a > 1")):
        assert msgspec.json.decode(msgspec.json.encode(fallback), type=Fallback) == fallback
