from .belief import tell_beliefs as tell_beliefs
from .belief import tell_weights as tell_weights
from .card import list_card_sections as list_card_sections
from .card import render_card as render_card
from .card import tell_card as tell_card
from .chart import Chart as Chart
from .contributions import draw_contributions as draw_contributions
from .contributions import tell_contributions as tell_contributions
from .evidence import draw_rollout as draw_rollout
from .explanation import tell_answer as tell_answer
from .explanation import tell_explanation as tell_explanation
from .figures import Figures as Figures
from .figures import format_cell as format_cell
from .figures import tabulate_losses as tabulate_losses
from .figures import tabulate_periods as tabulate_periods
from .figures import tabulate_policies as tabulate_policies
from .figures import tabulate_standards as tabulate_standards
from .file import check_targets as check_targets
from .file import write_text as write_text
from .markdown import render_markdown as render_markdown
from .page import Section as Section
from .page import list_backtest_sections as list_backtest_sections
from .page import read_style as read_style
from .page import render_backtest as render_backtest
from .page import render_report as render_report
from .policies import draw_calibration as draw_calibration
from .policies import draw_comparisons as draw_comparisons
from .policies import draw_policies as draw_policies
from .quality import draw_quality as draw_quality
from .reliability import draw_reliability as draw_reliability
from .reliability import draw_slices as draw_slices
from .sentences import tell_backtest as tell_backtest
from .sentences import tell_comparison as tell_comparison
from .sentences import tell_coverage as tell_coverage
from .sentences import tell_evidence as tell_evidence
from .sentences import tell_exposure as tell_exposure
from .sentences import tell_rollout as tell_rollout
from .sentences import tell_verdict as tell_verdict
from .tuning import draw_parameters as draw_parameters
from .tuning import draw_trials as draw_trials
from .tuning import entitle_trials as entitle_trials
from .tuning import render_tuning as render_tuning
from .tuning import tabulate_trials as tabulate_trials
from .tuning import tell_parameters as tell_parameters
from .tuning import tell_tuning as tell_tuning
from .versions import list_version_sections as list_version_sections
from .versions import render_versions as render_versions
from .versions import tabulate_slices as tabulate_slices
from .versions import tabulate_versions as tabulate_versions
from .versions import tell_slices as tell_slices
from .versions import tell_versions as tell_versions
from .watch import list_watch_sections as list_watch_sections
from .watch import render_watch as render_watch
from .watch import tabulate_watched as tabulate_watched
from .watch import tabulate_windows as tabulate_windows
from .watch import tell_watch as tell_watch
from .watched_slices import tabulate_watched_slices as tabulate_watched_slices
from .watched_slices import tell_watched_slices as tell_watched_slices
from .words import format_day as format_day
from .words import format_days as format_days
from .words import format_moment as format_moment
from .words import format_number as format_number
from .words import format_period as format_period
from .words import format_share as format_share
from .words import name_loss as name_loss

__all__ = [
    "Chart",
    "Figures",
    "Section",
    "check_targets",
    "draw_calibration",
    "draw_comparisons",
    "draw_contributions",
    "draw_parameters",
    "draw_policies",
    "draw_quality",
    "draw_reliability",
    "draw_rollout",
    "draw_slices",
    "draw_trials",
    "entitle_trials",
    "format_cell",
    "format_day",
    "format_days",
    "format_moment",
    "format_number",
    "format_period",
    "format_share",
    "list_backtest_sections",
    "list_card_sections",
    "list_version_sections",
    "list_watch_sections",
    "name_loss",
    "read_style",
    "render_backtest",
    "render_card",
    "render_markdown",
    "render_report",
    "render_tuning",
    "render_versions",
    "render_watch",
    "tabulate_losses",
    "tabulate_periods",
    "tabulate_policies",
    "tabulate_slices",
    "tabulate_standards",
    "tabulate_trials",
    "tabulate_versions",
    "tabulate_watched",
    "tabulate_watched_slices",
    "tabulate_windows",
    "tell_answer",
    "tell_backtest",
    "tell_beliefs",
    "tell_card",
    "tell_comparison",
    "tell_contributions",
    "tell_coverage",
    "tell_evidence",
    "tell_explanation",
    "tell_exposure",
    "tell_parameters",
    "tell_rollout",
    "tell_slices",
    "tell_tuning",
    "tell_verdict",
    "tell_versions",
    "tell_watch",
    "tell_watched_slices",
    "tell_weights",
    "write_text",
]
