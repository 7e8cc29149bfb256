from .alarm import Alarm as Alarm
from .alarm import trace_alarms as trace_alarms
from .drift import LikelyCause as LikelyCause
from .drift import explain_drift as explain_drift
from .drift import tell_causes as tell_causes
from .quality import Quality as Quality
from .quality import measure_metrics as measure_metrics
from .quality import measure_quality as measure_quality
from .risk import ReferenceRisk as ReferenceRisk
from .risk import RiskReading as RiskReading
from .risk import choose_limit as choose_limit
from .risk import measure_reference as measure_reference
from .risk import watch_risk as watch_risk
from .windows import measure_windows as measure_windows

__all__ = [
    "Alarm",
    "LikelyCause",
    "Quality",
    "ReferenceRisk",
    "RiskReading",
    "choose_limit",
    "explain_drift",
    "measure_metrics",
    "measure_quality",
    "measure_reference",
    "measure_windows",
    "tell_causes",
    "trace_alarms",
    "watch_risk",
]
