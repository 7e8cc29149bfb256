from .environment import Environment as Environment
from .failure import format_traceback as format_traceback
from .failure import make_failure as make_failure
from .hearing import Printed as Printed
from .hearing import hearing as hearing
from .inline import InlineEnvironment as InlineEnvironment
from .limit import Limit as Limit
from .limit import limiting as limiting
from .process import ProcessEnvironment as ProcessEnvironment
from .progress import Progress as Progress
from .progress import report_progress as report_progress
from .service import Service as Service
from .service import find_service as find_service
from .service import start_service as start_service

__all__ = [
    "Environment",
    "InlineEnvironment",
    "Limit",
    "Printed",
    "ProcessEnvironment",
    "Progress",
    "Service",
    "find_service",
    "format_traceback",
    "hearing",
    "limiting",
    "make_failure",
    "report_progress",
    "start_service",
]
