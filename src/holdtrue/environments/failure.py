"""Failures of work: how an exception crosses from the child to the parent, and what a death is called."""

import signal
import sysconfig
import traceback
from pathlib import Path

import msgspec

from holdtrue import errors
from holdtrue.environments.message import Failed
from holdtrue.environments.spelling import spell_out
from holdtrue.errors import HoldtrueError, TrainingFailed

_OWN_FOLDER = str(Path(__file__).resolve().parents[1])
_LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})
_REMEDY = "mend the code that the traceback names and start the run again"
_CAUSES = {
    signal.SIGKILL: "the kernel does this when memory runs out",
    signal.SIGSEGV: "native code touched memory that was not its own",
    signal.SIGABRT: "native libraries such as LightGBM do this on input that they cannot take",
    signal.SIGBUS: "a mapped file became shorter, or a disk is full",
    signal.SIGTERM: "somebody asked it to end",
}


def make_failure(raised: BaseException) -> HoldtrueError:
    """Return errors of holdtrue as they are, and anything else as `TrainingFailed` with the user's own frames."""
    if isinstance(raised, HoldtrueError):
        return raised
    message = str(raised)
    where = _name_place(raised)
    return TrainingFailed(
        f"{type(raised).__name__}{where}" + (f": {message}" if message else ""),
        traceback_text=format_traceback(raised),
        remedy=_REMEDY,
    )


def format_traceback(raised: BaseException) -> str:
    """Return the traceback without the frames of holdtrue and of the import machinery, unless there are no others."""
    told = traceback.TracebackException.from_exception(raised)
    if isinstance(raised, HoldtrueError):  # it says itself what is wrong: what matters is the line that brought it
        told.__cause__ = told.__context__ = None
        _cut_after_users(told)
    if not _keep_users_frames(told) and not isinstance(raised, SyntaxError):  # that names its file and line itself
        told = traceback.TracebackException.from_exception(raised)
    return "".join(told.format())


def _keep_users_frames(told: traceback.TracebackException) -> bool:
    told.stack = traceback.StackSummary.from_list([frame for frame in told.stack if _is_users(frame)])
    for chained in (told.__cause__, told.__context__, *(told.exceptions or ())):
        if chained is not None:
            _keep_users_frames(chained)
    return bool(told.stack)


def _cut_after_users(told: traceback.TracebackException) -> None:
    places = [place for place, frame in enumerate(told.stack) if _is_users(frame) and not _is_librarys(frame)]
    if places:
        told.stack = traceback.StackSummary.from_list(told.stack[: places[-1] + 1])


def _is_users(frame: traceback.FrameSummary) -> bool:
    return not frame.filename.startswith((_OWN_FOLDER, "<frozen importlib"))


def _is_librarys(frame: traceback.FrameSummary) -> bool:
    # "<string>" are the methods that dataclasses write.
    return frame.filename.startswith((*_LIBRARIES, "<string>"))


def drop_own_frames(dumped: str) -> str:
    """Return what Python's faulthandler dumped of a process that was ended, without the frames of holdtrue."""
    return "\n".join(line for line in dumped.splitlines() if not line.startswith(f'  File "{_OWN_FOLDER}'))


def _name_place(raised: BaseException) -> str:
    frames = [frame for frame in traceback.extract_tb(raised.__traceback__) if _is_users(frame)]
    users = [frame for frame in frames if not _is_librarys(frame)] or frames
    if not users:
        return ""
    return f" in {users[-1].name} ({Path(users[-1].filename).name}, line {users[-1].lineno})"


def pack_failure(error: HoldtrueError) -> Failed:
    """Return an error as a message; a type that is not in `holdtrue.errors` crosses as its nearest ancestor there."""
    kind = next(k for k in type(error).__mro__ if getattr(errors, k.__name__, None) is k)
    facts: dict[str, msgspec.Raw] = {}
    for name, fact in error.__dict__.items():
        if name not in {"found", "expected", "remedy"} and isinstance(fact, str | int | float | list | dict | None):
            facts[name] = msgspec.Raw(msgspec.json.encode(spell_out(fact) if isinstance(fact, str) else fact))
    found, expected, remedy = (spell_out(text) for text in (error.found, error.expected, error.remedy))
    return Failed(kind=kind.__name__, found=found, expected=expected, remedy=remedy, facts=facts)


def unpack_failure(failed: Failed) -> HoldtrueError:
    """Rebuild the error that a message carries, with its type."""
    kind = getattr(errors, failed.kind, HoldtrueError)
    error: HoldtrueError = kind.__new__(kind)
    HoldtrueError.__init__(error, failed.found, expected=failed.expected, remedy=failed.remedy)
    error.__dict__.update({name: msgspec.json.decode(fact) for name, fact in failed.facts.items()})
    return error


def describe_death(return_code: int, *, output: str, work: str = "") -> TrainingFailed:
    """Return the error for a child that died: by which signal or with which exit code, and what it said last.

    `work` names the part of the work that it did, as in a sentence ("the step fit").
    """
    who = f"the process that did {work or 'the work'}"
    if return_code >= 0:
        found = f"{who} ended itself with exit code {return_code}"
        remedy = "let the code return or raise instead of ending its process"
    else:
        killer = signal.Signals(-return_code)
        cause = _CAUSES.get(killer)
        found = f"{who} was ended by {killer.name}" + (f" ({cause})" if cause else "")
        remedy = "give it more memory or fewer rows" if killer is signal.SIGKILL else "see what it printed last"
    return TrainingFailed(found, traceback_text=output, expected="work that returns or raises", remedy=remedy)


def add_output(error: HoldtrueError, output: str) -> HoldtrueError:
    """Put what the work printed last under the traceback of a `TrainingFailed`."""
    if isinstance(error, TrainingFailed) and output.strip():
        error.traceback_text = f"{error.traceback_text.rstrip()}\n\nThe last that it printed:\n{output}".lstrip()
    return error
