from .batch import answer_rows as answer_rows
from .cloud import Cloud as Cloud
from .cloud import read_cloud as read_cloud
from .supervisor import Workers as Workers
from .supervisor import find_workers as find_workers
from .supervisor import start_workers as start_workers
from .traffic_file import TrafficFile as TrafficFile
from .traffic_file import read_traffic_file as read_traffic_file
from .traffic_file import write_traffic_file as write_traffic_file

__all__ = [
    "Cloud",
    "TrafficFile",
    "Workers",
    "answer_rows",
    "find_workers",
    "read_cloud",
    "read_traffic_file",
    "start_workers",
    "write_traffic_file",
]
