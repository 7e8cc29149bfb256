"""State: what classes, modules and instances consist of, for the fingerprint."""

import inspect
import logging
import re
from collections.abc import Iterator
from pathlib import PurePath
from types import GetSetDescriptorType, ModuleType

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_ABOUT_THE_CLASS = {
    "__module__", "__qualname__", "__doc__", "__dict__", "__weakref__", "__firstlineno__", "__static_attributes__",
    "__abstractmethods__", "_abc_impl", "__slotnames__", "__annotate__", "__annotate_func__", "__annotations_cache__",
}  # fmt: skip


def read_class(kind: type) -> Iterator[tuple[str, object]]:
    """Return the attributes of a class itself, in the order of their names, without what describes its source."""
    for name in sorted(vars(kind)):
        value = vars(kind)[name]
        if name not in _ABOUT_THE_CLASS and not isinstance(value, GetSetDescriptorType):
            yield name, value
    for name in ("__struct_fields__", "__struct_defaults__"):  # msgspec keeps these outside of the class's dictionary
        yield name, getattr(kind, name, None)


def read_module(module: ModuleType) -> Iterator[tuple[str, object]]:
    """Return what a module holds, in the order of the names, without what describes its source."""
    for name in sorted(vars(module)):
        if not (name.startswith("__") and name.endswith("__")):
            yield name, vars(module)[name]


def read_state(thing: object) -> object:
    """Return what tells an instance from others of its class, made of things that can be traced.

    It is what the object itself says for copying (`__reduce_ex__`), which numpy, polars, scikit-learn and the standard
    library all answer well; nothing is ever rebuilt from it. Objects without an answer count by their attributes and
    their repr without addresses.
    """
    if isinstance(thing, PurePath):
        return thing.as_posix()
    if isinstance(thing, logging.Logger):
        return "logger"
    wrapped = inspect.getattr_static(thing, "__wrapped__", None)
    if wrapped is not None:
        return ("wraps", wrapped)
    try:
        reduced = thing.__reduce_ex__(4)
    except Exception:
        attributes = getattr(thing, "__dict__", None)
        return ("repr", dict(attributes) if attributes else None, _ADDRESS.sub("", repr(thing)))
    if isinstance(reduced, str):
        return ("name", reduced)
    make, arguments, *rest = reduced
    state, items, pairs = [*rest, None, None, None][:3]
    return (make, arguments, state, list(items or ()), list(pairs or ()))
