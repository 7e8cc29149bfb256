"""Card: a model card as a page or as Markdown, told from evidence; what is missing is said to be missing."""

from collections.abc import Mapping
from typing import Any

from holdtrue.domain import (
    Column,
    Finding,
    Measured,
    ModelCard,
    ReliabilityBin,
    SliceDifference,
    Verdict,
    format_count,
)
from holdtrue.report.chart import Chart
from holdtrue.report.figures import Cell, Figures
from holdtrue.report.markdown import render_markdown
from holdtrue.report.page import Section, render_report
from holdtrue.report.picture import lay_pictures
from holdtrue.report.quality import draw_quality
from holdtrue.report.reliability import draw_reliability, draw_slices, tell_interval
from holdtrue.report.tuning import draw_trials, tell_tuning
from holdtrue.report.words import format_moment, format_number, format_share, name_loss, name_metric

_PREFIX = "evaluation_"
_LOOKED_FOR = {
    "slices": "whether a part of the rows pays for the rest",
    "fairness": "whether groups fare alike",
    "calibrated": "whether answers mean what they say",
    "not_worse": "how it compares with the champion of its time",
    "no_leak": "whether a feature gives the label away",
}


def tell_card(card: ModelCard) -> tuple[str, ...]:
    """Say in short what a version is, whether it is in charge, and how it was judged."""
    version = card.version
    task = version.signature.task.value
    sentences = [
        f"{version.name} of {version.loop} answers “{card.use.label}” ({task}) and is kept as {version.format}."
    ]
    if card.takeovers:
        times = ", ".join(format_moment(each.at) for each in card.takeovers)
        sentences.append(f"It took charge on {times}{' and is in charge' if card.is_champion else ', and is not now'}.")
    else:
        sentences.append("It was never in charge.")
    for record in card.verdicts:
        failed = ", ".join(verdict.check for verdict in record.verdicts if not verdict.has_passed)
        of_which = f" ({failed})" if failed else ""
        when = format_moment(record.decided_at)
        sentences.append(f"The {record.stage.value} of {when} ruled: {record.ruling.value}{of_which}.")
    return tuple(sentences)


def list_card_sections(card: ModelCard, *, pictures: Mapping[str, bytes] | None = None) -> tuple[Section, ...]:
    """Return a card as sections, in the order in which one asks: what for, from what, how good, since then, unknown.

    `pictures` are the bytes of what the steps of its run drew, by their digest; what is not among them is only named.
    """
    sections = [
        Section(heading="In short", sentences=tell_card(card)),
        Section(heading="What it is for", sentences=_tell_use(card)),
        Section(
            heading="What it was trained on",
            sentences=_tell_origin(card),
            charts=() if card.tuning is None else (draw_trials(card.tuning),),
        ),
        *_show_pictures(card, pictures or {}),
        Section(
            heading="How good it was when it was judged", tables=(_tabulate_figures(card), _tabulate_verdicts(card))
        ),
        *_list_parts(card),
        *_show_since(card),
        Section(heading="What is not known", sentences=_tell_unknown(card)),
        Section(heading="What it takes in", tables=(_tabulate_schema(card),), is_folded=True),
        Section(heading="How to find it again", tables=(_tabulate_digests(card),), is_folded=True),
    ]
    return tuple(sections)


def render_card(card: ModelCard, *, as_markdown: bool = False, pictures: Mapping[str, bytes] | None = None) -> str:
    """Return a card as one HTML file, or as Markdown; see `list_card_sections`."""
    title, lede = f"{card.version.name} of {card.version.loop}", "A model card, made from evidence alone."
    sections = list_card_sections(card, pictures=pictures)
    if as_markdown:
        return render_markdown(title, sections, lede=lede)
    return render_report(title, sections, lede=lede, made_at=card.made_at)


def _tell_use(card: ModelCard) -> tuple[str, ...]:
    use = card.use
    sentences = [f"The loop file says: “{use.question}”" if use.question else "The loop file does not say."]
    if use.actions:
        sentences.append(
            f"Its answers decide between {', '.join(use.actions)}; {use.otherwise} unless another gains more."
        )
    else:
        sentences.append("No outcome is declared: what is done with its answers is not known here.")
    if use.left_out:
        sentences.append(f"It may not see {', '.join(use.left_out)}.")
    if use.judged:
        sentences.append(f"Its answers are judged by {', '.join(use.judged)}, which it does not see.")
    return tuple(sentences)


def _tell_origin(card: ModelCard) -> tuple[str, ...]:
    lineage, run, data = card.version.lineage, card.run, card.dataset
    until, is_brought = f"{format_moment(lineage.trained_until)} UTC", card.version.is_brought
    sentences = [_tell_brought(until) if is_brought else f"It was trained on what was known on {until}."]
    if data is not None:
        span = f"{format_moment(data.starts_at)} to {format_moment(data.ends_at)}"
        covered = f"{data.n_labelled:,} of them with a label ({format_share(data.label_coverage)})"
        judged = " that it was judged by, on the rows after that moment," if is_brought else ""
        rows = f"{format_count(data.n_rows, 'row')} of {data.source}"
        sentences.append(f"The snapshot{judged} holds {rows}, {span}, {covered}.")
    if run is not None:
        sentences.append(f"The run began because: {run.reason}.")
    if run is not None and run.cost is not None:
        memory = f"{run.cost.peak_memory_bytes / 1e6:,.0f} MB"
        took = f"{run.cost.wall_seconds:.1f} s ({run.cost.cpu_seconds:.1f} s of a core) and {memory}"
        sentences.append(f"{'To judge it' if is_brought else 'It'} took {took}.")
    if card.tuning is not None:
        sentences += [f"Its parameters were tuned by the run {card.tuning.run_id[:12]}.", *tell_tuning(card.tuning)]
    return tuple(sentences)


def _tell_brought(until: str) -> str:
    return (
        "It was trained elsewhere, on what is not known here. By the word of whoever brought it, or else by the date "
        f"of its file, it has seen nothing later than {until}; nothing here proves that."
    )


def _show_pictures(card: ModelCard, data: Mapping[str, bytes]) -> list[Section]:
    if card.run is None or not card.run.figures:
        return []
    shown, named = lay_pictures(card.run, data)
    return [Section(heading="What its steps drew", sentences=named, pictures=shown)]


def _tabulate_figures(card: ModelCard) -> Figures:
    """Return the figures of the gate: those with an interval first."""
    metrics, loss = card.version.metrics, name_loss(card.version.loss.kind.value)
    rows: list[tuple[Cell, ...]] = []
    for check, anchor in (("not_worse", "champion of its time"), ("beats_baseline", "simple baseline")):
        for verdict in card.found(check)[:1]:
            rows += _list_difference(verdict, f"{loss.capitalize()} minus that of the {anchor}")
    if "candidate_loss" in metrics:
        upper = metrics.get("risk_upper")
        rows.append((f"Mean {loss}", f"at most {format_number(upper)}" if upper else None, metrics["candidate_loss"]))
    if "baseline_loss" in metrics:
        rows.append((f"Mean {loss} of the simple baseline", None, metrics["baseline_loss"]))
    for name, value in metrics.items():
        if name.startswith(_PREFIX) and not name.endswith(("log_loss", "_low", "_high")):
            interval = tell_interval(metrics.get(f"{name}_low"), metrics.get(f"{name}_high"))
            said = None if interval is None else f"{interval} (95 %)"
            rows.append((name_metric(name.removeprefix(_PREFIX)), said, value))
    unseen = (
        "later than all that it is said to have seen" if card.version.is_brought else "which its candidate had not seen"
    )
    return Figures(f"On the evaluation rows, {unseen}", ("", "Interval", "Found"), tuple(rows))


def _list_difference(verdict: Verdict, name: str) -> list[tuple[Cell, ...]]:
    evidence: Mapping[str, Any] = verdict.evidence
    if evidence.get("estimate") is None:
        return []
    level = evidence.get("level")
    interval = tell_interval(evidence.get("low"), evidence.get("high"))
    said = None if interval is None or level is None else f"{interval} ({format_share(level)})"
    return [(f"{name} ({format_count(evidence['n_rows'], 'row')})", said, evidence["estimate"])]


def _tabulate_verdicts(card: ModelCard) -> Figures:
    seen, rows = set(), []
    for record in card.verdicts:
        for verdict in record.verdicts:
            if (verdict.check, verdict.sentence) not in seen:
                seen.add((verdict.check, verdict.sentence))
                rows.append((verdict.check, verdict.ruling.value, verdict.sentence))
    return Figures("What each check found", ("Check", "Ruling", "Found"), tuple(rows))


def _list_parts(card: ModelCard) -> list[Section]:
    """Return slices, groups and calibration, where a check looked at them."""
    sections = []
    for verdict in card.found("slices"):
        heading = "Weak slices that a search found" if verdict.evidence.get("is_searched") else "Slice by slice"
        sections.append(_show_slices(verdict, heading, card))
    for verdict in card.found("fairness"):
        sections.append(
            Section(heading="Group by group", sentences=(verdict.sentence,), tables=_tabulate_groups(verdict))
        )
    for verdict in card.found("calibrated"):
        charts = _draw_bins(verdict, is_share=card.version.signature.task.has_classes)
        sections.append(Section(heading="Did what was predicted come?", sentences=(verdict.sentence,), charts=charts))
    return sections


def _find(part: Mapping[str, Any]) -> Finding:
    # The check looks for harm alone; a slice whose interval lies below 0 is better all the same.
    if part["is_worse"]:
        return Finding.WORSE
    return Finding.BETTER if part["high"] < 0 else Finding.UNDECIDED


def _show_slices(verdict: Verdict, heading: str, card: ModelCard) -> Section:
    evidence: Mapping[str, Any] = verdict.evidence
    parts: list[dict[str, Any]] = list(evidence.get("slices", ()))
    anchor = str(evidence.get("anchor", "champion"))
    shown = [
        SliceDifference(
            name=part["slice"],
            n_rows=part["n_rows"],
            first_loss=part["loss"],
            second_loss=part["anchor_loss"],
            finding=_find(part),
            difference=Measured(estimate=part["loss"] - part["anchor_loss"], low=part["low"], high=part["high"]),
        )
        for part in parts
        if part["low"] is not None
    ]
    chart = draw_slices(shown, first=card.version.name, second=f"the {anchor}")
    header = ("Slice", "Rows", "Loss", f"The {anchor}'s", "Difference, 95 %")
    rows = tuple(
        (p["slice"], p["n_rows"], p["loss"], p["anchor_loss"], tell_interval(p["low"], p["high"])) for p in parts
    )
    tables = (Figures("Mean loss in each slice", header, rows),) if rows else ()
    return Section(heading=heading, sentences=(verdict.sentence,), charts=(chart,) if chart else (), tables=tables)


def _tabulate_groups(verdict: Verdict) -> tuple[Figures, ...]:
    evidence: Mapping[str, Any] = verdict.evidence
    groups: list[dict[str, Any]] = list(evidence.get("groups", ()))
    rows = tuple(
        (g["group"], g["n_rows"], g["rate"], tell_interval(g["rate_low"], g["rate_high"]),
         tell_interval(g["low"], g["high"]), g["ratio"])
        for g in groups
    )  # fmt: skip
    what = str(evidence.get("what", "rate"))
    header = ("Group", "Rows", what.capitalize(), "95 %", "Difference, 95 %", "Ratio")
    return (Figures(f"{what}: each group against the largest", header, rows),) if rows else ()


def _draw_bins(verdict: Verdict, *, is_share: bool) -> tuple[Chart, ...]:
    evidence: Mapping[str, Any] = verdict.evidence
    bins = [ReliabilityBin(**each) for each in evidence.get("bins", ())]
    chart = draw_reliability({"this version": bins}, is_share=is_share)
    return () if chart is None else (chart,)


def _show_since(card: ModelCard) -> list[Section]:
    sections = []
    kind = card.version.loss.kind.value
    chart = draw_quality(card.windows, loss_name=kind, baseline_loss=card.version.metrics.get("baseline_loss"))
    if chart is not None:
        sections.append(Section(heading="How good it has been since", sentences=(chart.words,), charts=(chart,)))
    if card.decisions:
        rows = tuple((format_moment(each.at), each.action, each.actor, each.sentence) for each in card.decisions)
        table = Figures("From the audit", ("When", "What", "Who", "Why"), rows)
        sections.append(Section(heading="What was decided about it", tables=(table,)))
    return sections


def _tell_unknown(card: ModelCard) -> tuple[str, ...]:
    missing = [f"No check looked at {what} ({name})." for name, what in _LOOKED_FOR.items() if not card.found(name)]
    if not any(window.loss is not None for window in card.windows):
        missing.append("No label has come yet for what it answered.")
    if card.version.is_brought:
        missing.append("How it was trained, on which rows and by which code: it was brought as a file.")
    elif card.dataset is None:
        missing.append("The snapshot that it was trained on is not kept.")
    missing += [
        f"{verdict.check} could not be judged."
        for verdict in {v.check: v for record in card.verdicts for v in record.verdicts}.values()
        if verdict.ruling.value in {"inconclusive", "error"}
    ]
    return tuple(missing) or ("Every check that holdtrue offers for it has looked, and labels have come.",)


def _tabulate_schema(card: ModelCard) -> Figures:
    rows = tuple(
        (c.name, c.kind.value, "yes" if c.nullable else "no", _say_values(c))
        for c in card.version.signature.schema.columns
    )
    seen = "Seen in the rows until then" if card.version.is_brought else "Seen in training"
    return Figures("The columns that a request carries", ("Column", "Kind", "May be missing", seen), rows)


def _say_values(column: Column) -> str | None:
    if column.levels:
        return format_count(len(column.levels), "level")
    low, high = column.low, column.high
    if low is not None and high is not None and low == round(low) and high == round(high):
        return tell_interval(round(low), round(high))
    return tell_interval(low, high)


def _tabulate_digests(card: ModelCard) -> Figures:
    version, lineage = card.version, card.version.lineage
    rows: tuple[tuple[Cell, ...], ...] = (
        ("Version", version.digest),
        ("Model", f"{version.artifact} ({card.n_bytes:,} bytes)"),
        ("Release", card.release),
        ("Dataset", lineage.dataset),
        ("Code", lineage.code),
        ("Run", lineage.run_id),
        ("Schema", version.signature.schema.digest),
        ("Refit of", lineage.refit_of),
    )
    return Figures("Digests (sha256)", ("", "Digest"), rows)
