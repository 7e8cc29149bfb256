from .decide import RolloutAction as RolloutAction
from .decide import RolloutMove as RolloutMove
from .decide import decide as decide
from .decide import tell_stage as tell_stage
from .evidence import Evidence as Evidence
from .evidence import Exposures as Exposures
from .evidence import weigh_exposures as weigh_exposures
from .plan import Pace as Pace
from .plan import plan_rollout as plan_rollout

__all__ = [
    "Evidence",
    "Exposures",
    "Pace",
    "RolloutAction",
    "RolloutMove",
    "decide",
    "plan_rollout",
    "tell_stage",
    "weigh_exposures",
]
