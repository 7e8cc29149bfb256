from .admission import Admitted as Admitted
from .admission import admit_model as admit_model
from .admission import check_size as check_size
from .admission import convert_model as convert_model
from .baseline import baseline_predictions as baseline_predictions
from .baseline import judge_baseline as judge_baseline
from .comparison import Comparison as Comparison
from .comparison import compare_losses as compare_losses
from .gate import GateReport as GateReport
from .gate import judge_gate as judge_gate
from .leak import find_leaks as find_leaks
from .overlap import find_overlap as find_overlap
from .overlap import judge_freshness as judge_freshness

__all__ = [
    "Admitted",
    "Comparison",
    "GateReport",
    "admit_model",
    "baseline_predictions",
    "check_size",
    "compare_losses",
    "convert_model",
    "find_leaks",
    "find_overlap",
    "judge_baseline",
    "judge_freshness",
    "judge_gate",
]
