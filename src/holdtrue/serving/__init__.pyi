from .access.token import Token as Token
from .access.token import TokenRole as TokenRole
from .access.token_file import create_token as create_token
from .access.token_file import list_tokens as list_tokens
from .access.token_file import revoke_token as revoke_token
from .batch import answer_rows as answer_rows
from .cloud import Cloud as Cloud
from .cloud import read_cloud as read_cloud
from .front import Front as Front
from .log_format import LogFormat as LogFormat
from .log_keeper import LogKeeper as LogKeeper
from .log_terms import measure_log as measure_log
from .log_terms import read_policy_file as read_policy_file
from .log_terms import write_policy_file as write_policy_file
from .lookup_file import read_lookup_file as read_lookup_file
from .lookup_file import write_lookup_file as write_lookup_file
from .supervisor import Workers as Workers
from .supervisor import find_workers as find_workers
from .supervisor import start_workers as start_workers
from .traffic_file import TrafficFile as TrafficFile
from .traffic_file import read_traffic_file as read_traffic_file
from .traffic_file import write_traffic_file as write_traffic_file

__all__ = [
    "Cloud",
    "Front",
    "LogFormat",
    "LogKeeper",
    "Token",
    "TokenRole",
    "TrafficFile",
    "Workers",
    "answer_rows",
    "create_token",
    "find_workers",
    "list_tokens",
    "measure_log",
    "read_cloud",
    "read_lookup_file",
    "read_policy_file",
    "read_traffic_file",
    "revoke_token",
    "start_workers",
    "write_lookup_file",
    "write_policy_file",
    "write_traffic_file",
]
