import pytest

from holdtrue.domain import Kind
from holdtrue.serving.request.delimited import has_header, read_csv
from holdtrue.serving.request.refusal import Code, Refused
from holdtrue.serving.request.table import read_columns, read_rows, read_split

KINDS = {"a": Kind.NUMBER, "b": Kind.INTEGER, "c": Kind.BOOLEAN, "d": Kind.TEXT}


def fields(records):
    return [record.fields for record in records]


def refuse(read, *arguments, **options):
    with pytest.raises(Refused) as caught:
        read(*arguments, **options)
    return caught.value.code, caught.value.path


def test_rows_may_be_objects_and_lists_side_by_side():
    records = read_rows([{"a": 1, "key": "x"}, [2, 3]], "instances", ["a", "b"])
    assert fields(records) == [{"a": 1, "key": "x"}, {"a": 2, "b": 3}]
    assert records[0].place.field("a") == "$.instances[0].a"
    assert records[1].place.field("b") == "$.instances[1][1]"
    assert records[1].place.field("key") == "$.instances[1]"


def test_rows_of_a_single_feature_may_be_plain_values():
    assert fields(read_rows([1, [2], None], "instances", ["a"])) == [{"a": 1}, {"a": 2}, {"a": None}]


def test_columns_become_rows_and_a_second_dimension_of_one_is_taken_off():
    records = read_columns({"a": [[1], [2]], "b": ["x", None]}, "inputs")
    assert fields(records) == [{"a": 1, "b": "x"}, {"a": 2, "b": None}]
    assert records[1].place.field("b") == "$.inputs.b[1]"
    assert records[1].place.field("z") == "$.inputs"


def test_a_split_table_becomes_rows_and_its_index_is_let_be():
    records = read_split({"index": [7, 8], "columns": ["a", "b"], "data": [[1, 2], [3, 4]]}, "dataframe_split")
    assert fields(records) == [{"a": 1, "b": 2}, {"a": 3, "b": 4}]
    assert records[1].place.field("b") == "$.dataframe_split.data[1][1]"


@pytest.mark.parametrize(
    ("read", "content", "code", "path"),
    [
        ("rows", {}, Code.WRONG_FORM, "$.x"),
        ("rows", [], Code.EMPTY, "$.x"),
        ("rows", [{"a": 1}, 7], Code.WRONG_FORM, "$.x[1]"),
        ("rows", [[1]], Code.WRONG_FORM, "$.x[0]"),
        ("columns", [], Code.WRONG_FORM, "$.x"),
        ("columns", {}, Code.EMPTY, "$.x"),
        ("columns", {"a": 1}, Code.WRONG_FORM, "$.x.a"),
        ("columns", {"a": []}, Code.EMPTY, "$.x.a"),
        ("columns", {"a": [1], "dep delay": [1, 2]}, Code.WRONG_FORM, '$.x["dep delay"]'),
        ("split", [], Code.WRONG_FORM, "$.x"),
        ("split", {"columns": ["a"]}, Code.WRONG_FORM, "$.x.data"),
        ("split", {"columns": ["a", 7], "data": [[1, 2]]}, Code.WRONG_TYPE, "$.x.columns[1]"),
        ("split", {"columns": ["a", "a"], "data": [[1, 2]]}, Code.DUPLICATE_KEY, "$.x.columns[1]"),
        ("split", {"columns": ["a"], "data": [[1, 2]]}, Code.WRONG_FORM, "$.x.data[0]"),
        ("split", {"columns": ["a"], "data": [7]}, Code.WRONG_FORM, "$.x.data[0]"),
        ("split", {"columns": ["a"], "data": [[1]], "rows": []}, Code.UNKNOWN_FIELD, "$.x.rows"),
    ],
)
def test_what_is_no_table_is_refused_with_its_place(read, content, code, path):
    readers = {"rows": lambda: read_rows(content, "x", ["a", "b"]), "columns": lambda: read_columns(content, "x")}
    assert refuse(readers.get(read, lambda: read_split(content, "x"))) == (code, path)


def test_cells_become_what_their_column_holds():
    body = b'\xef\xbb\xbfa,b,c,d,key\r\n1e3,5.0,TRUE,"x, ""y""",007\r\n\r\n,,false,,\r\n'
    assert fields(read_csv(body, kinds=KINDS)) == [
        {"a": 1000.0, "b": 5.0, "c": True, "d": 'x, "y"', "key": "007"},
        {"a": None, "b": None, "c": False, "d": None, "key": None},
    ]


def test_a_cell_that_is_no_value_of_its_column_stays_text_for_its_reader_to_refuse():
    (record,) = read_csv(b"a,b,c\n1_000,five,yes\n", kinds=KINDS)
    assert record.fields == {"a": "1_000", "b": "five", "c": "yes"}


def test_a_table_without_header_takes_the_order_of_the_schema():
    assert has_header("text/csv; charset=utf-8")
    assert not has_header("text/csv; Header=absent")
    assert fields(read_csv(b"1,2\n", kinds=KINDS, features=["a", "b"])) == [{"a": 1.0, "b": 2}]


@pytest.mark.parametrize(
    ("body", "code", "path"),
    [
        (b"", Code.EMPTY, "$"),
        (b"a,b\n", Code.EMPTY, "$"),
        (b"a,a\n1,2\n", Code.DUPLICATE_KEY, "$[1]"),
        (b",a\n0,1\n", Code.WRONG_FORM, "$"),
        (b"a,b\n1,2\n3\n", Code.WRONG_FORM, "$[1]"),
        (b"a,b\n1,nan\n", Code.NOT_FINITE, "$[0][1]"),
        (b"a,b\n-Infinity,1\n", Code.NOT_FINITE, "$[0][0]"),
        (b"a,b\n1e999,1\n", Code.NOT_FINITE, "$[0][0]"),
        (b'a,b\n"1,2\n', Code.MALFORMED, "$"),
        (b'a,b\n"1"2,2\n', Code.MALFORMED, "$"),
        (b"a,b\n" + b"x" * 200_000 + b",1\n", Code.MALFORMED, "$"),
        (b"a,b\n\xff,1\n", Code.MALFORMED, "$"),
    ],
)
def test_values_that_are_no_table_are_refused_with_their_place(body, code, path):
    assert refuse(read_csv, body, kinds=KINDS) == (code, path)
