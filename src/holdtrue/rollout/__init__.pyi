from .decide import RolloutAction as RolloutAction
from .decide import RolloutMove as RolloutMove
from .decide import decide as decide
from .decide import tell_stage as tell_stage
from .evidence import Evidence as Evidence
from .evidence import Exposures as Exposures
from .evidence import weigh_exposures as weigh_exposures
from .failing import Tally as Tally
from .failing import find_failing as find_failing
from .plan import Pace as Pace
from .plan import plan_rollout as plan_rollout
from .skew import NEWEST_REQUESTS as NEWEST_REQUESTS
from .skew import Skew as Skew
from .skew import find_skew as find_skew

__all__ = [
    "NEWEST_REQUESTS",
    "Evidence",
    "Exposures",
    "Pace",
    "RolloutAction",
    "RolloutMove",
    "Skew",
    "Tally",
    "decide",
    "find_failing",
    "find_skew",
    "plan_rollout",
    "tell_stage",
    "weigh_exposures",
]
