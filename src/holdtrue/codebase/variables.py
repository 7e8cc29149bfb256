"""Variables: those of the environment that code asks for by a constant name, with what they hold at this moment."""

import os
from collections.abc import Iterator, Mapping

from holdtrue.codebase.bytecode import Constant, GlobalUse


def find_variables(use: GlobalUse, namespace: Mapping[str, object]) -> Iterator[tuple[str, str | None]]:
    """Return the environment variables that stand beside a use of a global name, each with its value.

    That is `os.environ["X"]`, `os.environ.get("X")`, `"X" in os.environ` and `os.getenv("X")`, however `os`, `environ`
    and `getenv` were imported, and X as a global name that stands for a text.
    """
    if not use.beside or not _is_environment(use, namespace):
        return
    for key in use.beside:
        name = key.value if isinstance(key, Constant) else namespace.get(key)
        if isinstance(name, str):
            yield name, os.environ.get(name)


def _is_environment(use: GlobalUse, namespace: Mapping[str, object]) -> bool:
    value = namespace.get(use.name)
    for attribute in use.attributes[:1] if value is os else ():
        value = vars(os).get(attribute)
    return value is os.environ or value is os.getenv
