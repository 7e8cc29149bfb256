from .choice import find_choice as find_choice
from .choice import remember_choice as remember_choice
from .choice import sign_tuning as sign_tuning
from .draw import draw_parameters as draw_parameters
from .draw import import_optuna as import_optuna
from .order import ProofOrder as ProofOrder
from .order import TrialOrder as TrialOrder
from .order import TrialResult as TrialResult
from .span import TuningSpan as TuningSpan
from .span import cut_span as cut_span
from .tryout import prove_parameters as prove_parameters
from .tryout import try_parameters as try_parameters
from .tuner import Tuner as Tuner

__all__ = [
    "ProofOrder",
    "TrialOrder",
    "TrialResult",
    "Tuner",
    "TuningSpan",
    "cut_span",
    "draw_parameters",
    "find_choice",
    "import_optuna",
    "prove_parameters",
    "remember_choice",
    "sign_tuning",
    "try_parameters",
]
