from .artifacts import Artifacts as Artifacts
from .segments import Damage as Damage
from .segments import Frame as Frame
from .segments import SegmentWriter as SegmentWriter
from .segments import read_segments as read_segments
from .store import Store as Store
from .tables.versions import ReleaseRow as ReleaseRow
from .transaction import Transaction as Transaction

__all__ = [
    "Artifacts",
    "Damage",
    "Frame",
    "ReleaseRow",
    "SegmentWriter",
    "Store",
    "Transaction",
    "read_segments",
]
