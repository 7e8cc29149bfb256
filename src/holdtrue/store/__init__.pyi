from .address import DatabaseAddress as DatabaseAddress
from .address import find_address as find_address
from .address import is_kept as is_kept
from .address import read_address as read_address
from .artifacts import Artifacts as Artifacts
from .file import settle_file as settle_file
from .file import write_file as write_file
from .frames import Damage as Damage
from .frames import Frame as Frame
from .manifest import LogManifest as LogManifest
from .manifest import LogPart as LogPart
from .manifest import commit_manifest as commit_manifest
from .manifest import lock_log as lock_log
from .manifest import read_manifest as read_manifest
from .references import find_digests as find_digests
from .segments import SegmentWriter as SegmentWriter
from .segments import erase_frame as erase_frame
from .segments import find_closed as find_closed
from .segments import read_segment as read_segment
from .segments import read_segments as read_segments
from .sources.objects import is_object_url as is_object_url
from .sources.objects import mirror_objects as mirror_objects
from .sources.objects import print_objects as print_objects
from .sources.query import QueryRows as QueryRows
from .sources.query import hide_password as hide_password
from .sources.query import print_database as print_database
from .sources.query import read_query as read_query
from .sources.secret import hide_secrets as hide_secrets
from .store import Store as Store
from .tables.versions import ReleaseRow as ReleaseRow
from .transaction import Transaction as Transaction

__all__ = [
    "Artifacts",
    "Damage",
    "DatabaseAddress",
    "Frame",
    "LogManifest",
    "LogPart",
    "QueryRows",
    "ReleaseRow",
    "SegmentWriter",
    "Store",
    "Transaction",
    "commit_manifest",
    "erase_frame",
    "find_address",
    "find_closed",
    "find_digests",
    "hide_password",
    "hide_secrets",
    "is_kept",
    "is_object_url",
    "lock_log",
    "mirror_objects",
    "print_database",
    "print_objects",
    "read_address",
    "read_manifest",
    "read_query",
    "read_segment",
    "read_segments",
    "settle_file",
    "write_file",
]
