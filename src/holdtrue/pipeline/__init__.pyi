from .cache import Cache as Cache
from .cache import MemoryCache as MemoryCache
from .cache import StepCache as StepCache
from .fingerprint import fingerprint as fingerprint
from .runner import RunOutcome as RunOutcome
from .runner import run_steps as run_steps
from .value import Input as Input

__all__ = [
    "Cache",
    "Input",
    "MemoryCache",
    "RunOutcome",
    "StepCache",
    "fingerprint",
    "run_steps",
]
