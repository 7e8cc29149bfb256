"""Checkout: which git commit the files of a project are, and in what they differ from it."""

import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

from holdtrue.domain import Checkout

PATCH_BYTES = 1 << 18
MOST_NAMES = 100
_SECONDS = 5.0
_CUT = b"\n... (the rest of the differences was left out)\n"
# Files and folders in which secrets usually stand: the files are named, and what stands in them is kept nowhere.
_SECRETS = (
    ".env*", "*.env", "*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.kdbx", "id_rsa*", "id_ed25519*", "*secret*",
    "*credential*", "*password*", "*.token", "token*.json", "token*.txt", ".netrc", ".pgpass", ".npmrc",
    ".pypirc", "*.tfvars",
)  # fmt: skip
_SOURCES = ("*.py", "*.pyi", "*.ipynb", "*.sql", "*.toml", "*.yaml", "*.yml", "*.R", "*.sh", "Dockerfile*")
_OWN = ":(exclude,glob)**/.holdtrue/**"


def read_checkout(folder: Path, *, put: Callable[[bytes], str] | None = None) -> Checkout | None:
    """Return the commit that a folder stands at; None without git, without a commit, or when git does not answer.

    With `put` the text of the differences is kept by it, at most 256 KiB, without that of files with a name such as
    `.env`, or in a folder with such a name, in which secrets may stand.
    """
    commit = _ask(folder, "rev-parse", "HEAD")
    changed = None if commit is None else _ask(folder, "status", "--porcelain", "--untracked-files=no", "--", ".")
    if commit is None or changed is None:
        return None
    is_dirty = bool(changed.strip())
    withheld = _list(folder, "diff", "--name-only", "--relative", "-z", "HEAD", "--", *_select_secrets())
    unknown = _list(folder, "ls-files", "--others", "--exclude-standard", "-z", "--", *_select(_SOURCES), _OWN)
    patch = _read_patch(folder) if is_dirty and put is not None else b""
    return Checkout(
        commit=commit.strip(),
        is_dirty=is_dirty,
        patch=put(patch) if patch and put is not None else None,
        withheld=withheld if is_dirty else (),
        untracked=unknown,
    )


def _select(patterns: tuple[str, ...], *, magic: str = "") -> list[str]:
    return [f":({magic}icase,glob)**/{pattern}" for pattern in patterns]


def _select_secrets(*, magic: str = "") -> list[str]:
    """Return what selects files by their own names and by that of any folder on their way."""
    return _select((*_SECRETS, *(f"{pattern}/**" for pattern in _SECRETS)), magic=magic)


def _read_patch(folder: Path) -> bytes:
    # No driver that the repository names may run, and binary files are only named.
    words = ["diff", "--no-ext-diff", "--no-textconv", "--no-color", "--relative", "HEAD", "--", "."]
    command = [*_command(folder), *words, *_select_secrets(magic="exclude,")]
    try:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except OSError:
        return b""
    timer = threading.Timer(_SECONDS, process.kill)
    timer.start()
    try:
        assert process.stdout is not None, "its output is a pipe"
        found = process.stdout.read(PATCH_BYTES + 1)
    finally:
        timer.cancel()
        process.kill()
        process.communicate()
    return found if len(found) <= PATCH_BYTES else found[:PATCH_BYTES] + _CUT


def _list(folder: Path, *words: str) -> tuple[str, ...]:
    found = _ask(folder, *words)
    return tuple((found or "").rstrip("\0").split("\0")[:MOST_NAMES]) if found else ()


def _command(folder: Path) -> list[str]:
    # Without locks: looking must not disturb a git command that a person gives at the same time.
    return ["git", "--no-optional-locks", "-C", str(folder)]


def _ask(folder: Path, *words: str) -> str | None:
    try:
        command = [*_command(folder), *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return None
    return done.stdout if done.returncode == 0 else None
