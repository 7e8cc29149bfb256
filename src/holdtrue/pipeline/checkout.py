"""Checkout: which git commit the files of a project are."""

import subprocess
from pathlib import Path

from holdtrue.domain import Checkout

_SECONDS = 5.0


def read_checkout(folder: Path) -> Checkout | None:
    """Return the commit that a folder stands at; None without git, without a commit, or when git does not answer."""
    commit = _ask(folder, "rev-parse", "HEAD")
    changed = None if commit is None else _ask(folder, "status", "--porcelain", "--untracked-files=no", "--", ".")
    if commit is None or changed is None:
        return None
    return Checkout(commit=commit.strip(), is_dirty=bool(changed.strip()))


def _ask(folder: Path, *words: str) -> str | None:
    # Without locks: looking must not disturb a git command that a person gives at the same time.
    command = ["git", "--no-optional-locks", "-C", str(folder), *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return None
    return done.stdout if done.returncode == 0 else None
