"""Keepsakes: the logs, the differences of the code and the figures of a run, read back from the store."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from holdtrue.domain import choose_last
from holdtrue.errors import NotFound, StoreFailed
from holdtrue.project.project import Project
from holdtrue.project.runs import RunView

_PLAIN = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, kw_only=True)
class StepLog:
    """What a step printed: the first and last of `n_printed` characters; None when that is no longer kept."""

    step: str
    n_printed: int
    text: str | None


def read_logs(project: Project, view: RunView) -> tuple[StepLog, ...]:
    """Return what each step printed in the last fit of a run; steps that printed nothing are left out."""
    return tuple(
        StepLog(step=each.step, n_printed=each.n_printed, text=_read_text(project, each.log))
        for each in choose_last(view.steps, view.notes)
        if each.log is not None
    )


def read_patch(project: Project, view: RunView) -> str | None:
    """Return in what the files of the project differed from their commit when a run began; None without any."""
    return _read_text(project, None if view.checkout is None else view.checkout.patch)


def write_figures(project: Project, view: RunView, folder: Path) -> tuple[Path, ...]:
    """Write the figures of the last fit of a run into a folder, and return their paths.

    Raises:
        NotFound: the run has no figures, or one of them is no longer kept.
        StoreFailed: the folder cannot be written to.
    """
    figures = [(each.step, figure) for each in choose_last(view.steps, view.notes) for figure in each.figures]
    if not figures:
        raise NotFound(f"the run {view.run_id[:12]} kept no figures", remedy="call holdtrue.keep_figure in a step")
    lost = [figure.name for _, figure in figures if not project.store.artifacts.has(figure.artifact)]
    if lost:
        raise NotFound(f"the figure {lost[0]} of the run {view.run_id[:12]} is no longer kept")
    names = _name_files([(step, figure.name, figure.kind) for step, figure in figures])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, (_, figure) in zip(names, figures, strict=True):
            (folder / name).write_bytes(project.store.artifacts.get(figure.artifact))
    except OSError as error:
        raise StoreFailed(f"{folder} cannot be written ({error})", expected="a folder to write figures into") from error
    return tuple(folder / name for name in names)


def list_files(project: Project, view: RunView) -> dict[str, bytes]:
    """Return all that is kept of a run as files by their names: itself, its figures and logs, and what differed."""
    files = {"run.json": msgspec.json.format(msgspec.json.encode(view), indent=2)}
    last = choose_last(view.steps, view.notes)
    figures = [(each.step, figure) for each in last for figure in each.figures]
    names = _name_files([(step, figure.name, figure.kind) for step, figure in figures])
    for name, (_, figure) in zip(names, figures, strict=True):
        if project.store.artifacts.has(figure.artifact):
            files[f"figures/{name}"] = project.store.artifacts.get(figure.artifact)
    for log in read_logs(project, view):
        if log.text is not None:
            files[f"logs/{log.step}.txt"] = log.text.encode()
    patch = read_patch(project, view)
    if patch is not None:
        files["changes.patch"] = patch.encode()
    return files


def _name_files(figures: Sequence[tuple[str, str, str]]) -> list[str]:
    """Return the name of a file for each figure, none of them twice.

    >>> _name_files([("fit", "a/b", "svg"), ("fit", "a b", "svg")])
    ['fit-a-b.svg', 'fit-a-b-2.svg']
    """
    names: list[str] = []
    for step, name, kind in figures:
        plain = _PLAIN.sub("-", f"{step}-{name}").strip("-.")[:120]
        same = 1
        while (file := f"{plain}{'' if same == 1 else f'-{same}'}.{kind}") in names:
            same += 1
        names.append(file)
    return names


def _read_text(project: Project, digest: str | None) -> str | None:
    if digest is None or not project.store.artifacts.has(digest):
        return None
    return project.store.artifacts.get(digest).decode("utf-8", "replace")
