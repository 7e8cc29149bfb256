import contextlib
import copy
import io
import json
import random
import zipfile

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier
from skops.io import dumps

from holdtrue.domain import ModelFormat
from holdtrue.errors import FormatRefused, HoldtrueError
from holdtrue.registry import load_model
from holdtrue.registry.allow_list import ALLOWED, TRUSTED
from holdtrue.registry.skops_format import dump_skops, load_skops, walk_nodes

from .conftest import make_signature


@pytest.fixture(scope="module")
def stored(frame, late):
    model = HistGradientBoostingClassifier(categorical_features="from_dtype", max_iter=3, random_state=0)
    return dump_skops(model.fit(frame, late))


def _read(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    return json.loads(members.pop("schema.json")), members


def _write(schema, members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("schema.json", json.dumps(schema))
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def _node(loader, module, name, **parts):
    return {"__loader__": loader, "__module__": module, "__class__": name, **parts}


def _text(value):
    return _node("JsonNode", "builtins", "str", content=json.dumps(value), is_json=True)


def _tuple(*parts):
    return _node("TupleNode", "builtins", "tuple", content=list(parts))


def _dict(**content):
    keys = [_node("TypeNode", "builtins", "str") for _ in content]
    return _node(
        "DictNode", "builtins", "dict", content=content, key_types=_node("ListNode", "builtins", "list", content=keys)
    )


def _make_gadgets(path):
    touch = str(path)
    open_it = _tuple(_text(touch), _text("w"))
    function = _node("FunctionNode", "builtins", "open")
    yield (
        "partial of open",
        _node(
            "PartialNode",
            "functools",
            "partial",
            content={"func": function, "args": open_it, "kwds": _dict(), "namespace": _text(None)},
        ),
    )
    yield "constructor", _node("ConstructorFromReduceNode", "builtins", "open", content=open_it)
    yield "path constructor", _node("ConstructorFromReduceNode", "pathlib", "Path", content=_tuple(_text(touch)))
    yield "os.system", _node("ConstructorFromReduceNode", "os", "system", content=_tuple(_text(f"touch {touch}")))
    yield (
        "subprocess",
        _node("ConstructorFromReduceNode", "subprocess", "Popen", content=_tuple(_text(["touch", touch]))),
    )
    yield (
        "method",
        _node(
            "MethodNode",
            "pathlib",
            "PosixPath",
            content={"func": "touch", "obj": _node("ObjectNode", "pathlib", "PosixPath", content=_dict())},
        ),
    )
    yield "method caller", _node("OperatorFuncNode", "operator", "methodcaller", attrs=_tuple(_text("touch")))
    yield "object", _node("ObjectNode", "subprocess", "Popen", content=_dict(args=_text(["touch", touch])))
    yield "list of a callable", _node("ListNode", "builtins", "eval", content=[_text(f"open({touch!r},'w')")])
    yield "tuple of a callable", _node("TupleNode", "os", "system", content=[_text(f"touch {touch}")])
    yield "set of a callable", _node("SetNode", "os", "system", content=[_text(f"touch {touch}")])
    yield (
        "dict of a callable",
        _node("DictNode", "os", "getcwd", content={}, key_types=_node("ListNode", "builtins", "list", content=[])),
    )
    yield (
        "key type",
        _node(
            "DictNode",
            "builtins",
            "dict",
            content={f"touch {touch}": _text(1)},
            key_types=_node("ListNode", "builtins", "list", content=[_node("TypeNode", "os", "system")]),
        ),
    )
    yield "type", _node("TypeNode", "builtins", "eval")
    yield (
        "loss",
        _node(
            "LossNode",
            "os",
            "system",
            __reduce__={"args": _tuple(_text(f"touch {touch}"))},
            content=_dict(),
        ),
    )
    yield "scalar", _node("NdArrayNode", "os", "system", type="numpy", file="0.npy")
    yield (
        "generator",
        _node(
            "RandomGeneratorNode",
            "numpy.random._generator",
            "Generator",
            content={"bit_generator": _dict(bit_generator=_text("set_bit_generator")), "seed_seq": _dict()},
        ),
    )
    yield "numpy.load", _node("FunctionNode", "numpy", "load")
    yield "numpy.save", _node("FunctionNode", "numpy", "save")
    yield "numpy.fromfile", _node("FunctionNode", "numpy", "fromfile")
    yield "module import", _node("FunctionNode", "antigravity", "fly")
    yield (
        "text reader",
        _node(
            "ObjectNode", "sklearn.feature_extraction.text", "CountVectorizer", content=_dict(input=_text("filename"))
        ),
    )
    yield "dataset reader", _node("FunctionNode", "sklearn.datasets._base", "load_files")
    yield "memory", _node("ObjectNode", "joblib.memory", "Memory", content=_dict(location=_text(touch)))
    yield "old node", _node("NdArrayNode", "numpy", "ndarray", type="pickle", file="0.npy")
    yield "unknown loader", _node("PickleNode", "builtins", "str", content="x")


GADGETS = [name for name, _ in _make_gadgets("/nowhere")]


@pytest.mark.parametrize("name", GADGETS)
@pytest.mark.parametrize("place", ["in a list", "in the estimator", "behind an id", "protocol 0"])
def test_a_gadget_is_refused_and_does_nothing(stored, tmp_path, name, place):
    gadget = dict(_make_gadgets(tmp_path / "touched"))[name]
    schema, members = _read(stored)
    if place == "in a list":
        schema["content"]["content"]["train_score_"] = _node("ListNode", "builtins", "list", content=[gadget])
    elif place == "behind an id":
        schema["content"]["content"]["aaa"] = {**gadget, "__id__": 99_999_999}
        schema["content"]["content"]["zzz"] = {**_text(1), "__id__": 99_999_999}
    else:
        schema["content"]["content"]["loss"] = gadget
    if place == "protocol 0":
        schema["protocol"] = 0
    with pytest.raises(FormatRefused):
        load_skops(_write(schema, members))
    assert not list(tmp_path.iterdir())


def test_a_gadget_in_a_field_that_nobody_reads_does_nothing_either(stored, tmp_path):
    for _, gadget in _make_gadgets(tmp_path / "touched"):
        schema, members = _read(stored)
        schema["content"]["content"]["learning_rate"]["attrs"] = gadget
        with pytest.raises(FormatRefused):
            load_skops(_write(schema, members))
    assert not list(tmp_path.iterdir())


def test_the_list_that_a_file_gives_is_never_believed(stored):
    schema, members = _read(stored)
    schema["trusted"] = ["os.system"]
    schema["content"]["content"]["loss"] = _node("FunctionNode", "os", "system")
    with pytest.raises(FormatRefused, match=r"os\.system"):
        load_skops(_write(schema, members))


def test_nothing_on_the_allow_list_runs_or_reads_what_it_is_told():
    dangerous = ("os.", "sys.", "subprocess.", "builtins.eval", "builtins.exec", "builtins.open", "builtins.getattr")
    assert not [name for name in TRUSTED if name.startswith(dangerous)]
    assert {"MethodNode", "OperatorFuncNode", "ConstructorFromReduceNode", "BytesNode"}.isdisjoint(ALLOWED)


def test_a_partial_of_another_function_than_the_one_that_is_needed_is_refused(stored):
    schema, members = _read(stored)
    partial = next(node for node in walk_nodes(schema) if node["__loader__"] == "PartialNode")
    partial["content"]["func"] = _node("FunctionNode", "numpy", "exp")
    with pytest.raises(FormatRefused, match=r"functools\.partial of numpy\.exp"):
        load_skops(_write(schema, members))


def test_a_node_cannot_take_the_id_of_a_node_of_another_kind(stored):
    schema, members = _read(stored)
    state = schema["content"]["content"]
    state["loss"]["__id__"] = state["_loss"]["__id__"]
    with pytest.raises(FormatRefused, match="share an id"):
        load_skops(_write(schema, members))


@pytest.mark.parametrize("protocol", [0, 1, 3, True, None, "2", -1])
def test_a_file_of_another_protocol_is_refused(stored, protocol):
    schema, members = _read(stored)
    schema["protocol"] = protocol
    with pytest.raises(FormatRefused, match="protocol"):
        load_skops(_write(schema, members))


@pytest.mark.parametrize("text", ["", "[]", "3", "{", '{"protocol": 2}', "[" * 100_000])
def test_a_broken_schema_is_refused(text):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("schema.json", text)
    with pytest.raises(FormatRefused):
        load_skops(buffer.getvalue())


def test_a_file_that_is_nested_too_deeply_is_refused(stored):
    schema, members = _read(stored)
    deep = _text(1)
    for _ in range(300):
        deep = _node("ListNode", "builtins", "list", content=[deep])
    schema["content"]["content"]["loss"] = deep
    with pytest.raises(FormatRefused, match="nested"):
        load_skops(_write(schema, members))


def test_a_node_that_names_another_file_is_refused(stored):
    schema, members = _read(stored)
    node = next(node for node in walk_nodes(schema) if "file" in node)
    for name in ("../0.npy", "schema.json", "999.npy", 3):
        node["file"] = name
        with pytest.raises(FormatRefused, match="missing member"):
            load_skops(_write(schema, members))


def test_a_file_that_skops_itself_wrote_is_read(frame, late, tmp_path):
    model = HistGradientBoostingClassifier(categorical_features="from_dtype", max_iter=3).fit(frame, late)
    data = dumps(model, compression=zipfile.ZIP_DEFLATED, compresslevel=9)
    scorer = load_model(data, ModelFormat.SKOPS, make_signature())
    assert np.array_equal(scorer.score(frame), model.predict_proba(frame))


def test_what_is_loaded_scores_on_its_own_thread(numbers, late):
    model = load_skops(dump_skops(RandomForestClassifier(3, n_jobs=-1).fit(numbers, late)))
    assert model.n_jobs is None


def test_neighbours_are_stored_as_the_same_bytes(numbers, late):
    first, second = (dump_skops(KNeighborsClassifier().fit(numbers, late)) for _ in range(2))
    assert first == second


def test_mutants_of_a_file_are_loaded_or_refused_but_never_break_out(stored):
    """Harness: 60 mutants here; 2,000 by hand."""
    dice = random.Random(4)
    signature = make_signature()
    for _ in range(60):
        mutant = bytearray(stored)
        for _ in range(dice.randint(1, 6)):
            mutant[dice.randrange(len(mutant))] = dice.randrange(256)
        with contextlib.suppress(HoldtrueError):
            load_model(bytes(mutant), ModelFormat.SKOPS, signature)


def test_mutants_of_the_schema_are_loaded_or_refused_but_never_break_out(stored):
    dice = random.Random(5)
    whole, members = _read(stored)
    for _ in range(25):
        schema = copy.deepcopy(whole)
        nodes = list(walk_nodes(schema))
        node, other = dice.choice(nodes), dice.choice(nodes)
        field = dice.choice([name for name in node if name != "__id__"])
        node[field] = dice.choice([None, 7, "x", [], {}, other.get(field), copy.deepcopy(other.get("content"))])
        with contextlib.suppress(HoldtrueError):
            load_model(_write(schema, members), ModelFormat.SKOPS, make_signature())
