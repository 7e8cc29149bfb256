"""SkopsFormat: scikit-learn estimators as a zip of arrays and JSON, built from our own allow-list only.

skops itself adds every scikit-learn estimator and numpy function that is installed to what a caller trusts. So the
file's `schema.json` is judged here first, node by node against `allow_list`; skops sees only files that passed.
"""

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

from holdtrue.domain import Json
from holdtrue.errors import FormatRefused
from holdtrue.registry.allow_list import ALLOWED, PARTIAL_OF, TRUSTED
from holdtrue.registry.archive import SCHEMA_NAME, open_archive, read_member
from holdtrue.registry.structure import check_structure, walk_parts
from holdtrue.registry.tree_node import check_tree_node

PROTOCOLS = (2,)
MAX_DEPTH = 250
_FIRST_MOMENT = (1980, 1, 1, 0, 0, 0)
_FILE = re.compile(r"^[0-9]{1,20}\.np[yz]$")
_CAN_STORE = (
    "scikit-learn estimators and pipelines of scikit-learn parts (no own classes, no lambdas), "
    "or a LightGBM Booster, LGBMClassifier or LGBMRegressor"
)


def dump_skops(estimator: object) -> bytes:
    """Return the estimator as skops bytes, the same bytes for the same estimator in every process.

    Raises:
        FormatRefused: it holds a type that is not on the allow-list.
    """
    from skops.io import dumps

    try:
        data = bytes(dumps(estimator))
    except Exception as error:  # skops raises many kinds; the estimator's own __getstate__ may raise any
        raise FormatRefused(
            f"{type(estimator).__name__} cannot be stored ({type(error).__name__}: {error})", expected=_CAN_STORE
        ) from error
    schema, members = _read_checked(data)
    return _write_plainly(schema, members)


def load_skops(data: bytes) -> Any:
    """Return the estimator that skops bytes hold.

    Raises:
        FormatRefused: the container, a node or an array is not what a stored estimator has. Nothing was built then.
    """
    _read_checked(data)
    from skops.io import loads

    try:
        estimator = loads(data, trusted=list(TRUSTED))
    except Exception as error:  # a mutated file can break any constructor
        raise FormatRefused(
            f"the skops file cannot be read ({type(error).__name__}: {error})", expected="an intact skops file"
        ) from error
    check_structure(estimator)
    for part in walk_parts(estimator):
        if "n_jobs" in getattr(part, "__dict__", {}):
            part.n_jobs = None  # a server scores a few rows at a time: joblib would cost more than it gains
    return estimator


def check_skops(data: bytes) -> None:
    """Refuse skops bytes whose container or nodes are not allowed; nothing is built."""
    _read_checked(data)


def _read_checked(data: bytes) -> tuple[dict[str, Json], dict[str, bytes]]:
    with open_archive(data) as archive:
        names = [name for name in archive.namelist() if name != SCHEMA_NAME]
        members = {name: read_member(archive, name) for name in names}
        schema = _parse_schema(read_member(archive, SCHEMA_NAME))
    check_nodes(schema, members)
    return schema, members


def _parse_schema(text: bytes) -> dict[str, Json]:
    try:
        schema = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FormatRefused(f"{SCHEMA_NAME} cannot be read ({error})", expected="an intact skops file") from error
    protocol = schema.get("protocol") if isinstance(schema, dict) else None
    if type(protocol) is not int or protocol not in PROTOCOLS:
        raise FormatRefused(
            f"the skops file is of protocol {protocol!r}",
            expected=f"one of {list(PROTOCOLS)}",
            remedy="store the estimator again with the installed skops",
        )
    assert isinstance(schema, dict)
    return schema


def check_nodes(schema: Mapping[str, Json], members: Mapping[str, bytes]) -> None:
    """Refuse the tree of a skops file when any of its nodes may not be built.

    Raises:
        FormatRefused: it lists every type that is not on the allow-list, or says which node is malformed.
    """
    refused: set[str] = set()
    for node in walk_nodes(schema):
        loader, name = str(node["__loader__"]), f"{node.get('__module__')}.{node.get('__class__')}"
        if name not in ALLOWED.get(loader, frozenset()):
            refused.add(name)
        elif loader == "PartialNode" and _name_function(node) != PARTIAL_OF:
            refused.add(f"functools.partial of {_name_function(node)}")
        elif "file" in node and (not _FILE.match(str(node["file"])) or node["file"] not in members):
            raise FormatRefused("a node of the skops file names a missing member", expected="an intact skops file")
        elif loader == "TreeNode":
            check_tree_node(node, members)
    if refused:
        raise FormatRefused(
            f"the model holds types that cannot be stored or loaded safely: {', '.join(sorted(refused)[:10])}",
            expected=_CAN_STORE,
            remedy="replace them with scikit-learn's own transformers, or compute those features in the data",
        )
    digest_place(schema, {name: _hash(content) for name, content in members.items()}, {})


def walk_nodes(schema: Json) -> Iterator[dict[str, Json]]:
    """Yield every node of the tree; whatever skops could take for a node is one, wherever it stands."""
    waiting: list[tuple[Json, int]] = [(schema, 0)]
    while waiting:
        place, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise FormatRefused("the skops file is nested too deeply", expected=f"at most {MAX_DEPTH} levels")
        if isinstance(place, dict):
            if "__loader__" in place:
                yield place
            waiting.extend((value, depth + 1) for value in place.values())
        elif isinstance(place, list):
            waiting.extend((value, depth + 1) for value in place)


def digest_place(place: Json, files: Mapping[str, bytes], seen: dict[Json, bytes]) -> bytes:
    """Return a digest of a part of the tree without its ids; refuse parts that share an id and are not the same.

    skops builds the first node that it meets under an id and leaves the others of that id unread. So a check of one of
    them would prove nothing about what is built, unless all are alike. `files` has the digest of each member.
    """
    if isinstance(place, list):
        return _hash(b"[" + b"".join(digest_place(value, files, seen) for value in place))
    if not isinstance(place, dict):
        return _hash(f"{type(place).__name__} {place!r}".encode())
    is_node = "__loader__" in place
    parts = [
        _hash(key.encode()) + (files[value] if is_node and key == "file" else digest_place(value, files, seen))
        for key, value in place.items()
        if key != "__id__"
    ]
    digest = _hash(b"".join(parts))
    known = place.get("__id__")
    if known is not None and (type(known) is not int or seen.setdefault(known, digest) != digest):
        raise FormatRefused("two different nodes of the skops file share an id", expected="an intact skops file")
    return digest


def _hash(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()


def _name_function(node: Mapping[str, Json]) -> str:
    content = node.get("content")
    function = content.get("func") if isinstance(content, dict) else None
    if not isinstance(function, dict) or function.get("__loader__") != "FunctionNode":
        return "something that is no function"
    return f"{function.get('__module__')}.{function.get('__class__')}"


def _write_plainly(schema: dict[str, Json], members: Mapping[str, bytes]) -> bytes:
    """Write the archive in one way only: skops names nodes and files by memory address, new in every run."""
    ids: dict[object, int] = {}
    files: dict[bytes, str] = {}
    plain = _number_nodes(schema, members, ids, files)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        text = json.dumps(plain, separators=(",", ":"))
        archive.writestr(zipfile.ZipInfo(SCHEMA_NAME, _FIRST_MOMENT), text)
        for content, name in files.items():
            archive.writestr(zipfile.ZipInfo(name, _FIRST_MOMENT), content)
    return buffer.getvalue()


def _number_nodes(place: Json, members: Mapping[str, bytes], ids: dict[object, int], files: dict[bytes, str]) -> Json:
    if isinstance(place, list):
        return [_number_nodes(value, members, ids, files) for value in place]
    if not isinstance(place, dict):
        return place
    if place.get("__loader__") == "SetNode":  # the order of a set of text changes with the hash seed
        place = {**place, "content": sorted(place["content"], key=lambda node: str(node.get("content")))}
    plain = {key: _number_nodes(value, members, ids, files) for key, value in place.items()}
    if "__loader__" in place:
        if "__id__" in place:
            plain["__id__"] = ids.setdefault(place["__id__"], len(ids) + 1)
        if "file" in place:
            name = str(place["file"])
            plain["file"] = files.setdefault(members[name], f"{len(files)}{name[-4:]}")
    return plain
