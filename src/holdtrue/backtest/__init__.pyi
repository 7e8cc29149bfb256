from .run import POLICIES as POLICIES
from .run import Progress as Progress
from .run import run_backtest as run_backtest

__all__ = ["POLICIES", "Progress", "run_backtest"]
