from .now import Clock as Clock
from .now import RealClock as RealClock
from .now import ScaledClock as ScaledClock
from .now import VirtualClock as VirtualClock
from .span import format_span as format_span

__all__ = ["Clock", "RealClock", "ScaledClock", "VirtualClock", "format_span"]
