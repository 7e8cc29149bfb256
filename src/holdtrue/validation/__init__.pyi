from .admission import Admitted as Admitted
from .admission import admit_model as admit_model
from .admission import check_size as check_size
from .admission import convert_model as convert_model
from .baseline import baseline_predictions as baseline_predictions
from .baseline import judge_baseline as judge_baseline
from .candidate import Candidate as Candidate
from .comparison import Comparison as Comparison
from .comparison import compare_losses as compare_losses
from .gate import GateReport as GateReport
from .gate import judge_gate as judge_gate
from .leak import find_leaks as find_leaks
from .mean import as_measured as as_measured
from .metric import measure_metric as measure_metric
from .metric import prove_metric as prove_metric
from .metric_interval import measure_metric_intervals as measure_metric_intervals
from .overlap import find_overlap as find_overlap
from .overlap import judge_freshness as judge_freshness
from .overlap import judge_leaks as judge_leaks
from .rate import refuse_rate as refuse_rate
from .slice import cut_rows as cut_rows
from .slice import settle_cut as settle_cut
from .versus import AnswerFigures as AnswerFigures
from .versus import Versus as Versus
from .versus import compare_answers as compare_answers
from .weight import measure_weights as measure_weights

__all__ = [
    "Admitted",
    "AnswerFigures",
    "Candidate",
    "Comparison",
    "GateReport",
    "Versus",
    "admit_model",
    "as_measured",
    "baseline_predictions",
    "check_size",
    "compare_answers",
    "compare_losses",
    "convert_model",
    "cut_rows",
    "find_leaks",
    "find_overlap",
    "judge_baseline",
    "judge_freshness",
    "judge_gate",
    "judge_leaks",
    "measure_metric",
    "measure_metric_intervals",
    "measure_weights",
    "prove_metric",
    "refuse_rate",
    "settle_cut",
]
