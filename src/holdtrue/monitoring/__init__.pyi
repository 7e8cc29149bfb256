from .alert import AlertMoves as AlertMoves
from .alert import AlertReading as AlertReading
from .alert import decide_alerts as decide_alerts
from .drift import LikelyCause as LikelyCause
from .drift import explain_drift as explain_drift
from .drift import tell_causes as tell_causes
from .drift import tell_drift as tell_drift
from .quality import Quality as Quality
from .quality import measure_metrics as measure_metrics
from .quality import measure_quality as measure_quality
from .risk import ReferenceRisk as ReferenceRisk
from .risk import RiskReading as RiskReading
from .risk import measure_reference as measure_reference
from .risk import watch_risk as watch_risk
from .windows import measure_windows as measure_windows

__all__ = [
    "AlertMoves",
    "AlertReading",
    "LikelyCause",
    "Quality",
    "ReferenceRisk",
    "RiskReading",
    "decide_alerts",
    "explain_drift",
    "measure_metrics",
    "measure_quality",
    "measure_reference",
    "measure_windows",
    "tell_causes",
    "tell_drift",
    "watch_risk",
]
