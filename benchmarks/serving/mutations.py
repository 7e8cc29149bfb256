"""Mutations: bodies that were right once, broken by a seeded hand, on every form that the server may take."""

import copy
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from crowd import write_request

Body = bytes
PATHS = (
    "/v1/predict/{model}", "/v1/predict", "/v2/models/{model}/infer", "/v2/models/{model}/versions/1/infer",
    "/v2/models/{model}/explain", "/v1/labels/{model}", "/v1/labels", "/invocations", "/v1/models/{model}:predict",
    "/v1/predict/nobody", "/v2/models/nobody/infer", "/invocations/{model}", "/v1/models/{model}/versions/1:predict",
    "/v2/repository/index", "/v2/repository/models/{model}/load",
)  # fmt: skip
TYPES = (
    "application/json", "application/json; charset=utf-8", "text/csv", "application/octet-stream", "text/plain",
    "application/vnd.apache.parquet", "APPLICATION/JSON", "application/json; charset=latin-1", "x" * 300,
)  # fmt: skip
# What parsers and models stumble over.
TOKENS = (
    b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999", b"1e-999", b"9" * 400, b"-0", b"0x10", b"1_000", b"01",
    b"null", b"true", b'""', b'"\\ud800"', b'"\\u0000"', b"\xff\xfe", b"\xc3\x28", b"\xed\xa0\x80", b"[]", b"{}", b",",
    b'"' + b"a" * 5_000 + b'"', b"{\"a\":" * 60, b"[" * 12_000, b"\x00", b"// x", b"+1", b":", b"'", b'{"__proto__":1}',
    b"18446744073709551616", b"-9223372036854775809", b"1.7976931348623157e309", b"4.9e-325",
)  # fmt: skip
VALUES: tuple[object, ...] = (
    None, True, False, 0, -1, 10**30, -(10**30), 1e308, 5e-324, "", "x", "1", "NaN", "é" * 100, "\u202e", "\x00", [],
    {}, [None], [[1]], {"a": 1}, [1] * 2_000, "2013-09-01T10:00:00", "9999-12-31T23:59:59Z", "0000-00-00",
)  # fmt: skip


@dataclass(frozen=True)
class Seed:
    """A right request: its path, its content (a tree for JSON, or bytes), and its type.

    `n_json` is for the binary form of V2: how many bytes of the body are JSON.
    """

    path: str
    content: object
    content_type: str = TYPES[0]
    n_json: int | None = None


@dataclass(frozen=True)
class Mutator:
    """Draws requests.

    Args:
        dice: where all chance comes from.
        model: the loop's name.
        seeds: right requests in several forms.
    """

    dice: random.Random
    model: str
    seeds: Sequence[Seed]

    def draw(self) -> bytes:
        """Return a whole request: mostly on its own path, with its own type."""
        seed = self.dice.choice(self.seeds)
        path = seed.path if self.dice.random() < 0.9 else self.dice.choice(PATHS)
        content_type = seed.content_type if self.dice.random() < 0.95 else self.dice.choice(TYPES)
        body, headers = self.draw_body(seed.content), b""
        if seed.n_json is not None:
            n_json = seed.n_json if self.dice.random() < 0.8 else self.dice.choice((-1, 0, 1, 10**9, 10**30))
            headers = b"inference-header-content-length: %d\r\n" % n_json
        return write_request(path.format(model=self.model), body, content_type=content_type, headers=headers)

    def draw_body(self, content: object) -> Body:
        """Return a body: a tree that was changed, then perhaps bytes that were."""
        if isinstance(content, bytes):
            body = content
        else:
            tree = json.loads(json.dumps(content))
            for _ in range(self.dice.choice((0, 0, 1, 1, 1, 2, 4))):
                tree = self._change_tree(tree)
            body = json.dumps(tree, allow_nan=True).encode()
        for _ in range(self.dice.choice((0, 0, 0, 1, 1, 3))):
            body = self.dice.choice(_BYTE_CHANGES)(self.dice, body)
        return body

    def _change_tree(self, content: object) -> object:
        """Change one place of a tree, drawn on the way down."""
        if isinstance(content, dict) and content and self.dice.random() < 0.85:
            name = self.dice.choice(list(content))
            lot = self.dice.random()
            if lot < 0.1:
                del content[name]
            elif lot < 0.2:
                content[self.dice.choice((name + "x", "", "nobody", name.upper(), "\x00"))] = copy.deepcopy(
                    content[name]
                )
            else:
                content[name] = self._change_tree(content[name])
            return content
        if isinstance(content, list) and content and self.dice.random() < 0.85:
            at = self.dice.randrange(len(content))
            lot = self.dice.random()
            if lot < 0.1:
                del content[at]
            elif lot < 0.2:
                content.extend(copy.deepcopy(content[at]) for _ in range(self.dice.choice((1, 3, 50))))
            else:
                content[at] = self._change_tree(content[at])
            return content
        if isinstance(content, float) and self.dice.random() < 0.2:
            return self.dice.choice((float("nan"), float("inf"), content * 1e300, str(content), round(content, 1)))
        return copy.deepcopy(self.dice.choice(VALUES))


def _flip(dice: random.Random, body: Body) -> Body:
    if not body:
        return b"\x80"
    at = dice.randrange(len(body))
    return body[:at] + bytes([dice.randrange(256)]) + body[at + 1 :]


def _cut(dice: random.Random, body: Body) -> Body:
    return body[: dice.randrange(len(body) + 1)]


def _insert(dice: random.Random, body: Body) -> Body:
    at = dice.randrange(len(body) + 1)
    return body[:at] + dice.choice(TOKENS) + body[at:]


def _replace_number(dice: random.Random, body: Body) -> Body:
    """Put a token where a value stands."""
    places = [at for at, byte in enumerate(body[:-1]) if byte in b":[," and body[at + 1 : at + 2] not in b"{["]
    if not places:
        return _insert(dice, body)
    at = dice.choice(places) + 1
    end = next((end for end in range(at, len(body)) if body[end] in b",]}"), len(body))
    return body[:at] + dice.choice(TOKENS) + body[end:]


def _double(dice: random.Random, body: Body) -> Body:
    at = dice.randrange(len(body) + 1)
    end = min(len(body), at + dice.randrange(1, 200))
    return body[:end] + body[at:end] * dice.choice((1, 2, 40)) + body[end:]


_BYTE_CHANGES: tuple[Callable[[random.Random, Body], Body], ...] = (_flip, _cut, _insert, _replace_number, _double)
