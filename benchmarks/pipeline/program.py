"""Programs: what the tools are given, as files of plain functions: chains of steps, and a step to edit in ten ways."""

from dataclasses import dataclass
from pathlib import Path

NOTING = """
import time
from pathlib import Path


def note(name):
    with Path("notes").open("a") as file:
        file.write(name + "\\n")


def hold():
    if not Path("go").exists():
        Path("reached").touch()
        time.sleep(300)
"""
WORK = """
from pathlib import Path

import project_part
import tinylib

CONSTANT = 1


class Terms:
    rate = 1


def _helper(x: int) -> int:
    return x + 1


def _weigh(x: int, by: int = 1) -> int:
    return x * by


def _make(k: int):
    def inner(x: int) -> int:
        return x * k

    return inner


_bound = _make(k=1)


def measure(rows: list, parameter: int) -> int:
    with Path("count").open("a") as file:
        file.write("x")
    taken = sum(int(row["a"]) + 1000 * isinstance(row["a"], str) for row in rows)
    own = CONSTANT + 3 * Terms.rate + _helper(5) + _weigh(7) + _bound(11)
    return 100 * taken + own + 13 * project_part.scale(1) + 17 * tinylib.VALUE + 19 * parameter
"""
READING = """
from pathlib import Path


def read_rows():
    head, *lines = Path("rows.csv").read_text().split()
    take = int if head == "a:int" else str
    return [{"a": take(line)} for line in lines]
"""


@dataclass(frozen=True)
class Edit:
    """One change that changes what `measure` returns: in a file, or of the parameter."""

    name: str
    file: str = ""
    old: str = ""
    new: str = ""


EDITS = (
    Edit("constant", "work.py", "CONSTANT = 1", "CONSTANT = 2"),
    Edit("helper", "work.py", "return x + 1", "return x + 2"),
    Edit("class attribute", "work.py", "rate = 1", "rate = 2"),
    Edit("default argument", "work.py", "by: int = 1", "by: int = 2"),
    Edit("closure", "work.py", "_make(k=1)", "_make(2)"),
    Edit("library version", "site/tinylib/__init__.py", "1", "2"),
    Edit("data byte", "rows.csv", "7", "8"),
    Edit("parameter"),
    Edit("schema", "rows.csv", "a:int", "a:text"),
    Edit("imported project module", "project_part.py", "x * 1", "x * 2"),
)


def write_chain(folder: Path, n_steps: int, *, is_noted: bool = False) -> None:
    """Write a chain of steps that add one; with notes, each says that it ran and the third waits to be killed."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "noting.py").write_text(NOTING, encoding="utf-8")
    lines = ["from noting import hold, note\n\n" if is_noted else ""]
    for i in range(n_steps):
        taken = f"s{i - 1}: int" if i else ""
        lines.append(f"def s{i}({taken}) -> int:")
        if is_noted:
            lines.append(f"    note('s{i}')" + ("\n    hold()" if i == 2 else ""))
        lines.append(f"    return s{i - 1} + 1\n\n" if i else "    return 0\n\n")
    lines.append(f"FUNCTIONS = [{', '.join(f's{i}' for i in range(n_steps))}]")
    (folder / "chain.py").write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_work(folder: Path, edit: Edit | None = None) -> int:
    """Write the step of ten things with one of them edited, and return the parameter that it is to be given."""
    site = folder / "site"
    for path in (folder, site / "tinylib", *(site / f"tinylib-{n}.0.dist-info" for n in (1, 2))):
        path.mkdir(parents=True, exist_ok=True)
    version = 2 if edit is not None and edit.name == "library version" else 1
    for n in (1, 2):
        metadata = site / f"tinylib-{n}.0.dist-info" / "METADATA"
        metadata.unlink(missing_ok=True)
        if n == version:
            metadata.write_text(f"Metadata-Version: 2.1\nName: tinylib\nVersion: {n}.0\n", encoding="utf-8")
        else:
            metadata.parent.rmdir()
    texts = {
        "work.py": WORK,
        "reading.py": READING,
        "project_part.py": "def scale(x):\n    return x * 1\n",
        "site/tinylib/__init__.py": "VALUE = 1\n",
        "rows.csv": "a:int\n3\n7\n",
    }
    if edit is not None and edit.file:
        assert edit.old in texts[edit.file], edit
        texts[edit.file] = texts[edit.file].replace(edit.old, edit.new)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return 2 if edit is not None and edit.name == "parameter" else 1
