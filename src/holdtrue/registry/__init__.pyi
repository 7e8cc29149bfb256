from .format import StoredModel as StoredModel
from .format import dump_model as dump_model
from .format import load_model as load_model
from .format import name_format as name_format
from .scorer import ScoredRows as ScoredRows
from .scorer import Scorer as Scorer
from .keyring import Keyring as Keyring
from .release import decode_release as decode_release
from .release import publish_release as publish_release
from .release import read_release as read_release
from .version import register_version as register_version
from .version import resolve_version as resolve_version

__all__ = [
    "Keyring",
    "ScoredRows",
    "Scorer",
    "StoredModel",
    "decode_release",
    "dump_model",
    "load_model",
    "name_format",
    "publish_release",
    "read_release",
    "register_version",
    "resolve_version",
]
