from .fingerprint import CodeTrace as CodeTrace
from .fingerprint import fingerprint as fingerprint
from .fingerprint import trace_code as trace_code
from .fingerprint import trace_kept as trace_kept
from .kept import LOOP_FILE as LOOP_FILE
from .kept import KeptModule as KeptModule
from .kept import KeptSource as KeptSource
from .kept import read_source as read_source
from .moved_clock import move_clocks as move_clocks
from .namespace import Namespace as Namespace
from .slicing import keep_source as keep_source
from .slicing import name_module as name_module

__all__ = [
    "LOOP_FILE",
    "CodeTrace",
    "KeptModule",
    "KeptSource",
    "Namespace",
    "fingerprint",
    "keep_source",
    "move_clocks",
    "name_module",
    "read_source",
    "trace_code",
    "trace_kept",
]
