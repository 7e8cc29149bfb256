from .baggage import pack_project as pack_project
from .compute import LOCAL as LOCAL
from .compute import Compute as Compute
from .compute import find_environment as find_environment
from .compute import is_elsewhere as is_elsewhere
from .compute import read_compute as read_compute
from .environment import Environment as Environment
from .failure import format_traceback as format_traceback
from .failure import make_failure as make_failure
from .hearing import Printed as Printed
from .hearing import hearing as hearing
from .inline import InlineEnvironment as InlineEnvironment
from .limit import Limit as Limit
from .limit import limiting as limiting
from .pieces import Pieces as Pieces
from .pieces import find_baggage as find_baggage
from .pieces import find_pieces as find_pieces
from .process import ProcessEnvironment as ProcessEnvironment
from .progress import Progress as Progress
from .progress import report_progress as report_progress
from .ray_environment import Luggage as Luggage
from .ray_environment import RayEnvironment as RayEnvironment
from .service import Service as Service
from .service import find_service as find_service
from .service import start_service as start_service
from .spelling import is_text as is_text
from .spelling import spell_out as spell_out
from .together import Together as Together
from .together import run_together as run_together

__all__ = [
    "LOCAL",
    "Compute",
    "Environment",
    "InlineEnvironment",
    "Limit",
    "Luggage",
    "Pieces",
    "Printed",
    "ProcessEnvironment",
    "Progress",
    "RayEnvironment",
    "Service",
    "Together",
    "find_baggage",
    "find_environment",
    "find_pieces",
    "find_service",
    "format_traceback",
    "hearing",
    "is_elsewhere",
    "is_text",
    "limiting",
    "make_failure",
    "pack_project",
    "read_compute",
    "report_progress",
    "run_together",
    "spell_out",
    "start_service",
]
