from dataclasses import replace

from holdtrue.report import draw_quality
from holdtrue.report.quality import find_champion

from .views import BEGAN, DAY, TAKEOVERS, make_windows


def test_quality_shows_who_was_in_charge_and_who_on_trial() -> None:
    chart = draw_quality(make_windows(), takeovers=TAKEOVERS, loss_name="log_loss", baseline_loss=0.53)
    assert chart is not None
    svg = chart.svg()
    for text in ("v1", "v2", "v4", "in charge", "on trial", "simple baseline"):
        assert f">{text}</text>" in svg
    assert chart.title == "Mean log-loss over time"
    assert "labels of v5" in chart.words


def test_what_the_version_in_charge_believed_is_a_broken_line_that_says_so() -> None:
    own = {"believed_log_loss": 0.41}
    windows = [replace(w, metrics=own, loss=None if w.starts_at > BEGAN + 20 * DAY else w.loss) for w in make_windows()]
    chart = draw_quality(windows, takeovers=TAKEOVERS, loss_name="log_loss")
    assert chart is not None
    assert ">the model's own belief</text>" in chart.svg().replace("&#39;", "'")
    assert 'stroke-dasharray="3,3"' in chart.svg()
    plain = draw_quality(make_windows(), takeovers=TAKEOVERS, loss_name="log_loss")
    assert plain is not None
    assert "belief" not in plain.svg()


def test_quality_of_one_version_needs_no_legend() -> None:
    windows = tuple(window for window in make_windows(8) if window.version == 1)
    chart = draw_quality(windows, takeovers=TAKEOVERS[:1])
    assert chart is not None
    assert ">in charge</text>" not in chart.svg()


def test_nothing_is_drawn_before_the_first_label() -> None:
    windows = tuple(replace(w, loss=None, loss_low=None, loss_high=None, n_labelled=0) for w in make_windows(3))
    assert draw_quality(windows, takeovers=TAKEOVERS) is None
    assert draw_quality(()) is None


def test_a_single_window_without_an_interval_is_drawn() -> None:
    window = replace(make_windows(1)[0], loss_low=None, loss_high=None)
    chart = draw_quality((window,))
    assert chart is not None
    assert chart.svg().startswith("<svg")


def test_the_champion_of_a_moment_is_the_last_that_took_over() -> None:
    assert find_champion(TAKEOVERS, BEGAN - 2 * DAY) is None
    assert find_champion(TAKEOVERS, BEGAN + 9 * DAY) == 2
    assert find_champion(TAKEOVERS, BEGAN + 30 * DAY) == 4
