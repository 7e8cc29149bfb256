"""Card: everything that a project's store holds of one version."""

import ast
import re

from holdtrue.domain import (
    Check,
    DatasetRecord,
    DeclaredUse,
    Loop,
    ModelCard,
    Run,
    Takeover,
    VerdictRecord,
    Version,
)
from holdtrue.errors import NotFound
from holdtrue.registry import resolve_version
from holdtrue.store import Transaction

from .project import CHAMPION, Project
from .tuning import read_tuning


def gather_card(project: Project, name: str = CHAMPION) -> ModelCard:
    """Return the card of a version, named by number or alias; nothing is computed anew and nothing is made up.

    Raises:
        NotFound: there is no such version.
    """
    loop = project.loop.name
    with project.store.reading() as tx:
        version = resolve_version(tx, loop, name)
        release = tx.versions.read_release(loop, version.number)
        takeovers = [event for event in tx.aliases.history(loop) if event.alias == CHAMPION]
        run = _find_run(tx, version)
        return ModelCard(
            version=version,
            use=read_use(project.loop, project.loop_file.read_text(encoding="utf-8")),
            n_bytes=len(project.store.artifacts.get(version.artifact)),
            is_champion=tx.aliases.current(loop, CHAMPION) == version.number,
            made_at=project.clock.now(),
            takeovers=tuple(Takeover(at=e.at, version=e.version) for e in takeovers if e.version == version.number),
            release=None if release is None else release.release_digest,
            run=run,
            tuning=read_tuning(tx, run),
            dataset=_find_dataset(tx, version),
            verdicts=_list_verdicts(tx, version),
            windows=tuple(window for window in tx.windows.all(loop) if window.version == version.number),
            decisions=tuple(e for e in tx.audit.all(loop) if e.subject in {version.name, version.lineage.run_id}),
        )


def read_pictures(project: Project, run: Run | None) -> dict[str, bytes]:
    """Return what the steps of a run drew and can be shown in a page, by digest; without what is no longer kept."""
    artifacts = project.store.artifacts
    wanted = {figure.artifact for _, figure in (() if run is None else run.figures) if figure.can_be_shown}
    return {digest: artifacts.get(digest) for digest in sorted(wanted) if artifacts.has(digest)}


def read_use(loop: Loop, source: str) -> DeclaredUse:
    """Return what a loop and the first lines of its file declare of the use that its versions are for."""
    outcome = loop.outcome
    return DeclaredUse(
        question=ast.get_docstring(ast.parse(source)),
        label=loop.table.label,
        actions=() if outcome is None else outcome.actions,
        otherwise=None if outcome is None else outcome.otherwise,
        left_out=loop.table.drop,
        judged=loop.table.judged,
        checks=tuple(name_check(check) for check in loop.checks),
    )


def name_check(check: Check) -> str:
    """Return a check by the name under which it is declared: `NotWorse` is not_worse, a function has its own."""
    name = getattr(check, "__name__", type(check).__name__)
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _find_run(tx: Transaction, version: Version) -> Run | None:
    try:
        return tx.runs.read(version.lineage.run_id)
    except NotFound:
        return None


def _find_dataset(tx: Transaction, version: Version) -> DatasetRecord | None:
    try:
        return tx.datasets.read(version.loop, version.lineage.dataset)
    except NotFound:
        return None


def _list_verdicts(tx: Transaction, version: Version) -> tuple[VerdictRecord, ...]:
    """Return the verdicts on a version and on the candidate that it is the refit of, oldest first."""
    digests = [digest for digest in (version.lineage.refit_of, version.digest) if digest is not None]
    found = [record for digest in digests for record in tx.verdicts.for_challenger(version.loop, digest)]
    return tuple(sorted(found, key=lambda record: record.decided_at))
