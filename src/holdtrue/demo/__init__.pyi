from .flights import write_flights as write_flights
from .live import SEPTEMBER as SEPTEMBER
from .scenes import tabulate_scenes as tabulate_scenes
from .scenes import tell_scene as tell_scene
from .story import DECLARATIONS as DECLARATIONS
from .story import Teller as Teller
from .story import Told as Told
from .story import tell_story as tell_story

__all__ = [
    "DECLARATIONS",
    "SEPTEMBER",
    "Teller",
    "Told",
    "tabulate_scenes",
    "tell_scene",
    "tell_story",
    "write_flights",
]
