"""The wire forms, each with how a client writes rows in it, and how the server names a place in them."""

import csv
import io
import json
import struct
from abc import ABC, abstractmethod

import polars as pl

from serving.flights import SCHEMA

DATATYPES = {"distance": "FP64", "hour": "INT64"}


class WireForm(ABC):
    """One form. Rows are dictionaries with the same names in each."""

    name = ""
    path = ""
    content_type = "application/json"
    fails_alone = False

    @abstractmethod
    def shape(self, rows):
        """Return the JSON value of a body."""

    @abstractmethod
    def spell_row(self, row):
        """Return the path of a row."""

    @abstractmethod
    def spell_field(self, row, name, names):
        """Return the path of a field, whose name stands among the names."""

    def encode(self, rows):
        return json.dumps(self.shape(rows)).encode()

    def headers(self, body):
        return {"content-type": self.content_type}

    def read_error(self, told):
        """Return code, message and path of a refusal."""
        return told["code"], told["error"], told["path"]

    def name_path(self, loop, version=None):
        return self.path.format(loop)

    def __repr__(self):
        return self.name


class Native(WireForm):
    name, path, fails_alone = "native", "/v1/predict/{}", True

    def shape(self, rows):
        return {"rows": rows}

    def spell_row(self, row):
        return f"$.rows[{row}]"

    def spell_field(self, row, name, names):
        return f"$.rows[{row}].{name}"

    def read_error(self, told):
        return told["error"]["code"], told["error"]["message"], told["error"]["path"]


class Tensors(WireForm):
    name, path = "tensors", "/v2/models/{}/infer"

    def shape(self, rows):
        names = list(rows[0])
        return {
            "inputs": [
                {
                    "name": name,
                    "shape": [len(rows)],
                    "datatype": DATATYPES.get(name, "BYTES"),
                    "data": [row[name] for row in rows],
                }
                for name in names
            ]
        }

    def spell_row(self, row):
        return "$.inputs"

    def spell_field(self, row, name, names):
        return f"$.inputs[{names.index(name)}].data[{row}]"

    def name_path(self, loop, version=None):
        return f"/v2/models/{loop}/infer" if version is None else f"/v2/models/{loop}/versions/{version}/infer"


class BinaryTensors(Tensors):
    """Values that do not fit their column's type are written as text, as a client would have to."""

    name, content_type = "binary tensors", "application/octet-stream"
    _length = 0

    def encode(self, rows):
        inputs, chunks = [], []
        for tensor in self.shape(rows)["inputs"]:
            datatype, chunk = _pack(tensor.pop("data"), tensor["datatype"])
            chunks.append(chunk)
            inputs.append({**tensor, "datatype": datatype, "parameters": {"binary_data_size": len(chunk)}})
        text = json.dumps({"inputs": inputs}).encode()
        self._length = len(text)
        return text + b"".join(chunks)

    def headers(self, body):
        length = min(self._length or len(body), len(body))
        return {"content-type": self.content_type, "inference-header-content-length": str(length)}


def _pack(values, datatype):
    try:
        code = {"FP64": "d", "INT64": "q"}[datatype]
        return datatype, struct.pack(f"<{len(values)}{code}", *values)
    except (KeyError, struct.error):
        texts = [str(value).encode() for value in values]
        return "BYTES", b"".join(struct.pack("<I", len(text)) + text for text in texts)


class Split(WireForm):
    name, path = "dataframe_split", "/invocations/{}"

    def shape(self, rows):
        return {"dataframe_split": {"columns": list(rows[0]), "data": [list(row.values()) for row in rows]}}

    def spell_row(self, row):
        return f"$.dataframe_split.data[{row}]"

    def spell_field(self, row, name, names):
        return f"$.dataframe_split.data[{row}][{names.index(name)}]"

    def read_error(self, told):
        return told["error_code"], told["message"], told["path"]


class RecordsForm(Split):
    """Rows as objects in a list, for several forms."""

    def __init__(self, name, path, member):
        self.name, self.path, self._member = name, path, member

    def shape(self, rows):
        return {self._member: rows}

    def spell_row(self, row):
        return f"$.{self._member}[{row}]"

    def spell_field(self, row, name, names):
        return f"$.{self._member}[{row}].{name}"

    def read_error(self, told):
        return (told.get("error_code") or told["code"]), (told.get("message") or told["error"]), told["path"]


class ColumnsForm(RecordsForm):
    def shape(self, rows):
        return {self._member: {name: [row[name] for row in rows] for name in rows[0]}}

    def spell_row(self, row):
        return f"$.{self._member}"

    def spell_field(self, row, name, names):
        return f"$.{self._member}.{name}[{row}]"


class ModelRecords(RecordsForm):
    def name_path(self, loop, version=None):
        return f"/v1/models/{loop}:predict" if version is None else f"/v1/models/{loop}/versions/{version}:predict"


class ModelColumns(ColumnsForm):
    def name_path(self, loop, version=None):
        return f"/v1/models/{loop}:predict" if version is None else f"/v1/models/{loop}/versions/{version}:predict"


class Lists(Split):
    """Rows as lists in the order of the schema."""

    name, path = "lists", "/v1/models/{}:predict"

    def shape(self, rows):
        return {"instances": [list(row.values()) for row in rows]}

    def spell_row(self, row):
        return f"$.instances[{row}]"

    def spell_field(self, row, name, names):
        return f"$.instances[{row}][{SCHEMA.names.index(name)}]"

    def read_error(self, told):
        return told["code"], told["error"], told["path"]


class Delimited(Split):
    name, content_type = "csv", "text/csv"

    def encode(self, rows):
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerows([list(rows[0]), *[["" if v is None else v for v in row.values()] for row in rows]])
        return text.getvalue().encode()

    def spell_row(self, row):
        return f"$[{row}]"

    def spell_field(self, row, name, names):
        return f"$[{row}][{names.index(name)}]"


class Parquet(Split):
    """A file of columns; values of several types in one column are written as text, as polars would want it."""

    name, content_type = "parquet", "application/vnd.apache.parquet"

    def encode(self, rows):
        file = io.BytesIO()
        columns = {name: [row[name] for row in rows] for name in rows[0]}
        pl.DataFrame([_make_series(name, values) for name, values in columns.items()]).write_parquet(file)
        return file.getvalue()

    def spell_row(self, row):
        return "$"

    def spell_field(self, row, name, names):
        return f"$.{name}[{row}]"


def _make_series(name, values):
    try:
        return pl.Series(name, values)
    except TypeError:
        return pl.Series(name, [str(value) for value in values])


FORMS = [
    Native(),
    Tensors(),
    BinaryTensors(),
    Split(),
    RecordsForm("dataframe_records", "/invocations/{}", "dataframe_records"),
    RecordsForm("invocations instances", "/invocations/{}", "instances"),
    ColumnsForm("invocations inputs", "/invocations/{}", "inputs"),
    Delimited(),
    Parquet(),
    ModelRecords("model instances", "/v1/models/{}:predict", "instances"),
    ModelColumns("model inputs", "/v1/models/{}:predict", "inputs"),
    Lists(),
]
JSON_FORMS = [form for form in FORMS if form.content_type == "application/json"]
NAMED_FORMS = [form for form in FORMS if form.name != "lists"]
VERSIONED_FORMS = [form for form in FORMS if form.name_path("x", 1) != form.name_path("x")]
