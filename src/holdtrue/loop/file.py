"""File: reading the user's loop.py. Their mistakes come back as theirs, with their traceback."""

import importlib.util
import sys
from contextlib import redirect_stdout
from pathlib import Path

from holdtrue.codebase import LOOP_FILE
from holdtrue.domain import Loop
from holdtrue.environments import format_traceback
from holdtrue.errors import DeclarationError, HoldtrueError, SourceMissing, TrainingFailed


def load_loop(path: Path) -> Loop:
    """Import a loop file and return the one Loop that it declares.

    Raises:
        SourceMissing: there is no such file.
        TrainingFailed: importing it raised; `traceback_text` is the user's own.
        DeclarationError: it declares no Loop, or more than one.
    """
    file = path.resolve()
    if not file.is_file():
        raise SourceMissing(f"there is no file {path}", expected="a Python file that declares a holdtrue.Loop")
    spec = importlib.util.spec_from_file_location(LOOP_FILE, file)
    if spec is None or spec.loader is None:
        raise DeclarationError(f"{path} cannot be imported", expected="a Python file, such as loop.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[LOOP_FILE] = module
    if str(file.parent) not in sys.path:
        sys.path.insert(0, str(file.parent))
    try:
        # What the file prints is for people: the output stream is for the answer, such as JSON.
        with redirect_stdout(sys.stderr):
            spec.loader.exec_module(module)
    except (Exception, SystemExit) as problem:
        raise TrainingFailed(
            f"{path.name} raised {type(problem).__name__}: {problem}",
            traceback_text=format_traceback(problem),
            remedy="" if isinstance(problem, HoldtrueError) else f"run `python {path.name}` to see it alone",
        ) from problem
    loops = {id(value): value for value in vars(module).values() if isinstance(value, Loop)}
    if len(loops) != 1:
        names = ", ".join(loop.name for loop in loops.values()) or "none"
        raise DeclarationError(
            f"{path.name} declares {len(loops)} loops ({names})", expected="exactly one holdtrue.Loop in the file"
        )
    return next(iter(loops.values()))
