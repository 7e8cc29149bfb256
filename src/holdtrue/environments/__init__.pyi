from .environment import Environment as Environment
from .failure import format_traceback as format_traceback
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
    "ProcessEnvironment",
    "Progress",
    "Service",
    "find_service",
    "format_traceback",
    "limiting",
    "report_progress",
    "start_service",
]
