import pytest

from holdtrue.domain import Column, Kind, Limits, Rule, Schema, Signature, Task, column
from holdtrue.serving.reply import _describe_input
from holdtrue.serving.request.place import RowPlace
from holdtrue.serving.request.refusal import Code, Refused
from holdtrue.serving.request.row import Event, EventNames, RowReader, read_event

SCHEMA = Schema(
    (
        Column(name="distance", kind=Kind.NUMBER, nullable=False),
        Column(name="seats", kind=Kind.INTEGER),
        Column(name="is_night", kind=Kind.BOOLEAN, nullable=False),
        Column(name="dest", kind=Kind.TEXT, levels=("ATL", "BOS")),
        Column(name="origin", kind=Kind.TEXT, nullable=False, levels=("JFK",), limits=Limits(levels=("EWR", "JFK"))),
    )
)
READER = RowReader(Signature(schema=SCHEMA, task=Task.BINARY, label="late", classes=(False, True)))
GOOD = {"distance": 10, "seats": 2.0, "is_night": False, "dest": "BOS", "origin": "JFK"}
NAMES = EventNames(key="flight", unit="tail", time="departs_at")
OTHERWISE = Event("id", "id", 5.0)


def read(record):
    return READER.read(record, RowPlace(3), known=frozenset(NAMES.declared))


def refuse(**changes) -> Refused:
    with pytest.raises(Refused) as caught:
        read({**GOOD, **changes})
    return caught.value


def test_a_good_row_becomes_values_in_the_order_of_the_schema():
    row = read(dict(reversed(GOOD.items())))
    assert row.values == [10.0, 2, False, "BOS", "JFK"]
    assert row.features == GOOD
    assert row.n_unseen == 0


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"distance": None}, Code.NULL_NOT_ALLOWED),
        ({"distance": "10"}, Code.WRONG_TYPE),
        ({"distance": True}, Code.WRONG_TYPE),
        ({"distance": [1]}, Code.WRONG_TYPE),
        ({"distance": 10**400}, Code.OUT_OF_RANGE),
        ({"distance": float("nan")}, Code.OUT_OF_RANGE),
        ({"seats": 2.5}, Code.WRONG_TYPE),
        ({"seats": 2**63}, Code.OUT_OF_RANGE),
        ({"is_night": 1}, Code.WRONG_TYPE),
        ({"dest": 7}, Code.WRONG_TYPE),
        ({"origin": "JFX"}, Code.LEVEL_NOT_ALLOWED),
        ({"origin": None}, Code.NULL_NOT_ALLOWED),
    ],
)
def test_a_value_that_the_column_does_not_allow_is_refused_with_its_path(changes, code):
    refused = refuse(**changes)
    assert refused.code is code
    assert refused.path == f"$.rows[3].{next(iter(changes))}"
    assert refused.status == 422


def test_a_closed_set_says_what_it_holds_and_what_is_near():
    assert "one of EWR, JFK" in str(refuse(origin="JFX"))
    assert "'JFK'" in str(refuse(origin="JFX"))


def test_an_unseen_level_of_an_open_column_is_taken_as_missing_and_counted():
    row = read({**GOOD, "dest": "XYZ"})
    assert row.values[3] is None
    assert row.n_unseen == 1
    assert row.features["dest"] == "XYZ"


def test_a_null_is_not_an_unseen_level():
    assert read({**GOOD, "dest": None}).n_unseen == 0


def test_an_unknown_field_names_the_nearest_one():
    refused = refuse(distanse=1)
    assert (refused.code, refused.path) == (Code.UNKNOWN_FIELD, "$.rows[3].distanse")
    assert "'distance'" in str(refused)


def test_a_misspelt_field_is_told_as_unknown_rather_than_missing():
    record = {("distanse" if name == "distance" else name): value for name, value in GOOD.items()}
    with pytest.raises(Refused) as caught:
        read(record)
    assert caught.value.code is Code.UNKNOWN_FIELD


def test_a_missing_field_is_refused():
    with pytest.raises(Refused) as caught:
        read({name: value for name, value in GOOD.items() if name != "seats"})
    assert (caught.value.code, caught.value.path) == (Code.MISSING_FIELD, "$.rows[3]")


def test_the_label_is_no_feature():
    assert "what is to be predicted" in str(refuse(late=True))


def test_the_event_travels_beside_the_features():
    record = {**GOOD, "flight": 7, "tail": "N1", "departs_at": "2013-09-01T12:00:00+02:00"}
    assert read_event(record, NAMES, RowPlace(0), otherwise=OTHERWISE) == Event("7", "N1", 1378029600.0)
    assert read(record).features == GOOD


def test_what_an_event_does_not_carry_comes_from_elsewhere():
    assert read_event({}, NAMES, RowPlace(0), otherwise=OTHERWISE) == OTHERWISE
    assert read_event({"flight": "a"}, NAMES, RowPlace(0), otherwise=OTHERWISE) == Event("a", "a", 5.0)


def test_the_moment_stands_for_a_key_that_is_not_declared():
    event = read_event({"t": "2013-09-01T10:00:00Z"}, EventNames(time="t"), RowPlace(0), otherwise=OTHERWISE)
    assert event.key == event.unit == "2013-09-01T10:00:00+00:00"


@pytest.mark.parametrize(
    ("record", "code"),
    [
        ({"departs_at": "2013-09-01T10:00:00"}, Code.NO_TIME_ZONE),
        ({"departs_at": "yesterday"}, Code.WRONG_TYPE),
        ({"departs_at": 1378029600}, Code.WRONG_TYPE),
        ({"departs_at": "0001-01-01T00:00:00+14:00"}, Code.OUT_OF_RANGE),
        ({"flight": ""}, Code.OUT_OF_RANGE),
        ({"flight": "x" * 513}, Code.OUT_OF_RANGE),
        ({"flight": 1.5}, Code.WRONG_TYPE),
        ({"tail": True}, Code.WRONG_TYPE),
    ],
)
def test_an_event_that_cannot_be_read_is_refused_with_its_path(record, code):
    with pytest.raises(Refused) as caught:
        read_event(record, NAMES, RowPlace(1), otherwise=OTHERWISE)
    assert caught.value.code is code
    assert caught.value.path == f"$.rows[1].{next(iter(record))}"


LIMITED = RowReader(
    Signature(
        schema=Schema(
            (
                column("distance", "number", low=0, high=5000.5),
                column("seats", "integer", high=2**60),
                column("dest", "text", levels=["ATL"]),
            ),
            rules=(
                Rule(name="short", text="distance < 100 OR seats >= 2"),
                Rule(name="known", text="dest <> 'XXX' AND seats IS NOT NULL"),
                Rule(name="of tables", text="ABS(distance) > 1e9"),
                Rule(name="of others", text="late = TRUE"),
            ),
        ),
        task=Task.BINARY,
        label="late",
        classes=(False, True),
    )
)


def read_limited(**changes):
    record = {"distance": 5000.5, "seats": 2, "dest": "ATL", **changes}
    return LIMITED.read(record, RowPlace(1), known=frozenset())


@pytest.mark.parametrize(
    ("changes", "code", "path", "words"),
    [
        ({"distance": -1}, Code.OUT_OF_RANGE, "$.rows[1].distance", "a number from 0 up to 5000.5 or null"),
        ({"distance": 5001}, Code.OUT_OF_RANGE, "$.rows[1].distance", "is the number 5001"),
        ({"seats": 2**60 + 1}, Code.OUT_OF_RANGE, "$.rows[1].seats", f"a whole number up to {2**60}"),
        (
            {"seats": 1},
            Code.RULE_BROKEN,
            "$.rows[1]",
            "the rule 'short': 'distance' is the number 5000.5, 'seats' is the",
        ),
        ({"seats": None}, Code.RULE_BROKEN, "$.rows[1]", "Expected: dest <> 'XXX' AND seats IS NOT NULL"),
        ({"dest": "XXX"}, Code.RULE_BROKEN, "$.rows[1]", "'dest' is the text \"XXX\""),
    ],
)
def test_a_row_that_breaks_limits_or_rules_is_refused_with_its_path(changes, code, path, words):
    with pytest.raises(Refused) as caught:
        read_limited(**changes)
    assert (caught.value.code, caught.value.path, caught.value.status) == (code, path, 422)
    assert words in str(caught.value)


def test_a_row_at_its_limits_is_read_and_what_is_missing_breaks_no_limit():
    assert read_limited().values == [5000.5, 2, "ATL"]
    assert read_limited(distance=0, seats=-9).values == [0.0, -9, "ATL"]
    assert read_limited(distance=None, dest=None).values == [None, 2, None]
    assert read_limited(distance=50, seats=1, dest="BOS").n_unseen == 1


def test_a_level_that_is_allowed_but_was_not_seen_is_taken_as_missing():
    row = read({**GOOD, "origin": "EWR"})
    assert (row.values[4], row.n_unseen) == (None, 1)


def test_the_metadata_of_a_version_says_what_its_columns_allow():
    told = [
        _describe_input(each)["parameters"] for each in (*SCHEMA.columns[-2:], column("d", "number", unit="km", low=0))
    ]
    assert told == [
        {"nullable": True},
        {"nullable": False, "levels": ("EWR", "JFK")},
        {"nullable": True, "unit": "km", "low": 0},
    ]
