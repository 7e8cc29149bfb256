from .baseline import baseline_predictions as baseline_predictions
from .baseline import judge_baseline as judge_baseline
from .comparison import Comparison as Comparison
from .comparison import compare_losses as compare_losses
from .gate import GateReport as GateReport
from .gate import judge_gate as judge_gate

__all__ = [
    "Comparison",
    "GateReport",
    "baseline_predictions",
    "compare_losses",
    "judge_baseline",
    "judge_gate",
]
