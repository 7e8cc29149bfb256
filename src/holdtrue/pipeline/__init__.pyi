from .cache import Cache as Cache
from .cache import MemoryCache as MemoryCache
from .cache import StepCache as StepCache
from .checkout import read_checkout as read_checkout
from .claim import Claim as Claim
from .claim import name_worker as name_worker
from .cost import CostMeter as CostMeter
from .garbage import Garbage as Garbage
from .garbage import collect_garbage as collect_garbage
from .garbage import find_garbage as find_garbage
from .installation import read_installation as read_installation
from .note import keep_figure as keep_figure
from .note import note_metric as note_metric
from .note import note_parameter as note_parameter
from .record import Recorder as Recorder
from .record import RunNotes as RunNotes
from .record import describe_error as describe_error
from .record import fail_lost_run as fail_lost_run
from .record import fail_lost_runs as fail_lost_runs
from .record import fail_run as fail_run
from .record import start_run as start_run
from .record import submit_run as submit_run
from .record import succeed_run as succeed_run
from .runner import Held as Held
from .runner import Output as Output
from .runner import RunOutcome as RunOutcome
from .runner import Trail as Trail
from .runner import compute_step as compute_step
from .runner import hold_encoded as hold_encoded
from .runner import recall_output as recall_output
from .runner import run_steps as run_steps
from .spread import Due as Due
from .spread import Place as Place
from .spread import spread_steps as spread_steps
from .value import Input as Input
from .value import list_artifacts as list_artifacts

__all__ = [
    "Cache",
    "Claim",
    "CostMeter",
    "Due",
    "Garbage",
    "Held",
    "Input",
    "MemoryCache",
    "Output",
    "Place",
    "Recorder",
    "RunNotes",
    "RunOutcome",
    "StepCache",
    "Trail",
    "collect_garbage",
    "compute_step",
    "describe_error",
    "fail_lost_run",
    "fail_lost_runs",
    "fail_run",
    "find_garbage",
    "hold_encoded",
    "keep_figure",
    "list_artifacts",
    "name_worker",
    "note_metric",
    "note_parameter",
    "read_checkout",
    "read_installation",
    "recall_output",
    "run_steps",
    "spread_steps",
    "start_run",
    "submit_run",
    "succeed_run",
]
