from .dataset import Dataset as Dataset
from .files import read_files as read_files
from .history import History as History
from .schema import check_frame as check_frame
from .schema import conform as conform
from .schema import count_unseen as count_unseen
from .schema import infer_schema as infer_schema
from .table import read_frame as read_frame
from .table import read_history as read_history
from .task import encode_labels as encode_labels

__all__ = [
    "Dataset",
    "History",
    "check_frame",
    "conform",
    "count_unseen",
    "encode_labels",
    "infer_schema",
    "read_files",
    "read_frame",
    "read_history",
]
