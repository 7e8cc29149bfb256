from .backtest import run_backtest as run_backtest
from .data import Dataset as Dataset
from .domain import Loop as Loop
from .domain import beats_baseline as beats_baseline
from .domain import canary as canary
from .domain import every as every
from .domain import money as money
from .domain import no_leak as no_leak
from .domain import not_worse as not_worse
from .domain import on_risk as on_risk
from .domain import predictions as predictions
from .domain import table as table

__all__ = [
    "Dataset",
    "Loop",
    "beats_baseline",
    "canary",
    "every",
    "money",
    "no_leak",
    "not_worse",
    "on_risk",
    "predictions",
    "run_backtest",
    "table",
]
