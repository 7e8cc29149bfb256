"""Venvs: peers have environments of their own, made as those of the judgement benches are."""

import sys
from pathlib import Path

sys.path.insert(1, str(Path(__file__).parents[1] / "judgement"))

from peers import (
    DEFAULT_VENVS,
    RESULTS,
    Peer,
    Skipped,
    keep_results,
    name_version,
    prepare_peer,
    read_results,
)

__all__ = [
    "DEFAULT_VENVS",
    "RESULTS",
    "Peer",
    "Skipped",
    "keep_results",
    "name_version",
    "prepare_peer",
    "read_results",
]
