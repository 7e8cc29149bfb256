from .replay import Replay as Replay
from .roster import Roster as Roster
from .run import POLICIES as POLICIES
from .run import Progress as Progress
from .run import run_backtest as run_backtest
from .trial import Trial as Trial

__all__ = [
    "POLICIES",
    "Progress",
    "Replay",
    "Roster",
    "Trial",
    "run_backtest",
]
