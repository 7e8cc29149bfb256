from .environment import Environment as Environment
from .inline import InlineEnvironment as InlineEnvironment
from .process import ProcessEnvironment as ProcessEnvironment
from .progress import Progress as Progress
from .progress import report_progress as report_progress
from .service import Service as Service
from .service import find_service as find_service
from .service import start_service as start_service

__all__ = [
    "Environment",
    "InlineEnvironment",
    "ProcessEnvironment",
    "Progress",
    "Service",
    "find_service",
    "report_progress",
    "start_service",
]
