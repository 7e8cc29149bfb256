"""Definition: reads `inference.proto`, so that the file itself is the truth and no generated code stands beside it.

It reads the part of the language that the file uses: messages within messages, scalar and message fields, repeated
fields, maps, one level of oneof, and services of unary calls.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto

_WORDS = re.compile(r'[A-Za-z_][\w.]*|\d+|"[^"]*"|[{}()<>;,=]')
_REPEATED, _OPTIONAL = FieldDescriptorProto.LABEL_REPEATED, FieldDescriptorProto.LABEL_OPTIONAL
_COMMENT = re.compile(r"//[^\n]*")
_SCALARS: Mapping[str, "FieldDescriptorProto.Type"] = {
    "double": FieldDescriptorProto.TYPE_DOUBLE,
    "float": FieldDescriptorProto.TYPE_FLOAT,
    "int64": FieldDescriptorProto.TYPE_INT64,
    "uint64": FieldDescriptorProto.TYPE_UINT64,
    "int32": FieldDescriptorProto.TYPE_INT32,
    "uint32": FieldDescriptorProto.TYPE_UINT32,
    "bool": FieldDescriptorProto.TYPE_BOOL,
    "string": FieldDescriptorProto.TYPE_STRING,
    "bytes": FieldDescriptorProto.TYPE_BYTES,
}


def read_definition(text: str, *, name: str) -> FileDescriptorProto:
    """Read a .proto file; `name` is what its descriptor is called. `ValueError` for what is not understood."""
    return _Reader(_WORDS.findall(_COMMENT.sub("", text)), FileDescriptorProto(name=name)).read()


@dataclass
class _Reader:
    words: list[str]
    file: FileDescriptorProto
    place: int = 0
    nested: dict[str, str] = field(default_factory=dict)

    def read(self) -> FileDescriptorProto:
        while self.place < len(self.words):
            match self._take():
                case "syntax":
                    self._expect("=")
                    self.file.syntax = self._take().strip('"')
                    self._expect(";")
                case "package":
                    self.file.package = self._take()
                    self._expect(";")
                case "service":
                    self._read_service()
                case "message":
                    self._read_message(self.file.message_type.add(), f".{self.file.package}")
                case other:
                    raise ValueError(f"{other!r} is not understood here")
        return self.file

    def _read_service(self) -> None:
        service = self.file.service.add(name=self._take())
        self._expect("{")
        while not self._takes("}"):
            self._expect("rpc")
            method = service.method.add(name=self._take())
            self._expect("(")
            method.input_type = self._resolve(self._take())
            self._expect(")", "returns", "(")
            method.output_type = self._resolve(self._take())
            self._expect(")", "{", "}")

    def _read_message(self, message: DescriptorProto, scope: str) -> None:
        message.name = self._take()
        own = f"{scope}.{message.name}"
        self._expect("{")
        while not self._takes("}"):
            if self._takes("message"):
                self._read_message(message.nested_type.add(), own)
                self.nested[message.nested_type[-1].name] = f"{own}.{message.nested_type[-1].name}"
            elif self._takes("oneof"):
                message.oneof_decl.add(name=self._take())
                self._expect("{")
                while not self._takes("}"):
                    self._read_field(message, own).oneof_index = len(message.oneof_decl) - 1
            else:
                self._read_field(message, own)

    def _read_field(self, message: DescriptorProto, own: str) -> FieldDescriptorProto:
        is_repeated = self._takes("repeated")
        kind = self._take()
        types: tuple[str, ...] = ()
        if kind == "map":
            self._expect("<")
            key = self._take()
            self._expect(",")
            types = (key, self._take())
            self._expect(">")
        name = self._take()
        self._expect("=")
        number = int(self._take())
        self._expect(";")
        made = message.field.add(name=name, number=number)
        made.label = _REPEATED if is_repeated or types else _OPTIONAL
        if types:
            made.type, made.type_name = FieldDescriptorProto.TYPE_MESSAGE, f"{own}.{_add_map(message, name)}"
            for position, each in enumerate(types):
                self._set_type(message.nested_type[-1].field[position], each)
        else:
            self._set_type(made, kind)
        return made

    def _set_type(self, made: FieldDescriptorProto, kind: str) -> None:
        if kind in _SCALARS:
            made.type = _SCALARS[kind]
        else:
            made.type, made.type_name = FieldDescriptorProto.TYPE_MESSAGE, self._resolve(kind)

    def _resolve(self, name: str) -> str:
        return self.nested.get(name, f".{self.file.package}.{name}")

    def _take(self) -> str:
        self.place += 1
        return self.words[self.place - 1]

    def _takes(self, word: str) -> bool:
        is_next = self.words[self.place] == word
        self.place += is_next
        return is_next

    def _expect(self, *words: str) -> None:
        for word in words:
            if (found := self._take()) != word:
                raise ValueError(f"{found!r} stands where {word!r} is expected")


def _add_map(message: DescriptorProto, name: str) -> str:
    """Add the entry type that a map field stands for, and return its name."""
    entry = message.nested_type.add(name="".join(part.capitalize() for part in name.split("_")) + "Entry")
    entry.options.map_entry = True
    for number, part in ((1, "key"), (2, "value")):
        entry.field.add(name=part, number=number, label=_OPTIONAL)
    return str(entry.name)
