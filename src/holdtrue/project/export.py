"""Export: the runs and versions of a project, written to an MLflow tracking server."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import msgspec

from holdtrue.domain import Json, Run, Version
from holdtrue.errors import TrackingRefused
from holdtrue.project.keepsakes import list_files
from holdtrue.project.project import CHAMPION, Project
from holdtrue.project.runs import RunView, view_run
from holdtrue.project.tracking_server import TrackingServer
from holdtrue.registry import lay_out_mlflow

RUN_TAG, VERSION_TAG, WHOLE_TAG = "holdtrue.run_id", "holdtrue.version", "holdtrue.is_whole"
_ENDED = {"succeeded": "FINISHED", "failed": "FAILED", "lost": "KILLED"}
_LONGEST_PARAMETER, _LONGEST_TAG = 500, 5_000  # what every MLflow takes
_NAME = re.compile(r"[^A-Za-z0-9_./ -]", re.ASCII)
_LONGEST_NAME = 240  # MLflow takes 250, and a number may follow
_MODEL = "model"
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class ExportedRun:
    """A run as it stands on the tracking server.

    Attributes:
        run_id: here.
        tracking_id: there; None where it was refused.
        version: that it brought, as "v3"; None without one.
        model_version: number of that version there.
        is_new: whether this export wrote it.
        error: why the server refused it; None where it is there whole.
    """

    run_id: str
    tracking_id: str | None
    version: str | None
    model_version: str | None
    is_new: bool
    error: str | None = None


def export_runs(project: Project, runs: Sequence[Run], server: TrackingServer) -> tuple[ExportedRun, ...]:
    """Write runs that have ended to a tracking server: experiment and model are called as the loop is.

    A run that is there whole is left as it is, so an export that was cut short goes on, and a second one adds nothing.
    One that the server refuses is told with its error, and the others are written.

    Raises:
        StoreFailed: the server cannot be reached, or does not know who asks.
    """
    experiment = server.find_experiment(project.loop.name)
    exported = []
    for run in runs:
        view = view_run(project, run)
        if view.state in _ENDED:
            exported.append(_try_run(project, view, experiment, server))
    with project.store.reading() as tx:
        champion = tx.aliases.current(project.loop.name, CHAMPION)
    for each in exported:
        if each.model_version is not None and each.version == f"v{champion}":
            server.point_alias(project.loop.name, CHAMPION, each.model_version)
    return tuple(exported)


def _try_run(project: Project, view: RunView, experiment: str, server: TrackingServer) -> ExportedRun:
    try:
        return _export_run(project, view, experiment, server)
    except TrackingRefused as refusal:
        return ExportedRun(
            run_id=view.run_id, tracking_id=None, version=None, model_version=None, is_new=False, error=str(refusal)
        )


def _export_run(project: Project, view: RunView, experiment: str, server: TrackingServer) -> ExportedRun:
    found = server.find_run(experiment, RUN_TAG, view.run_id)
    version = _find_version(project, view)
    name = None if version is None else version.name
    if found is not None and _read_tags(found).get(WHOLE_TAG) == "true":
        number = _read_tags(found).get("holdtrue.model_version")
        return ExportedRun(
            run_id=view.run_id,
            tracking_id=found["info"]["run_id"],
            version=name,
            model_version=number or None,
            is_new=False,
        )
    began = view.started_at or view.as_of
    if found is None:
        tags = {RUN_TAG: view.run_id}
        found = server.create_run(experiment, name=view.run_id[:12], started_ms=_to_ms(began), tags=tags)
    run_id, artifacts = found["info"]["run_id"], found["info"]["artifact_uri"]
    ended = _to_ms(view.ended_at or began)
    metrics = {key: value for key, value in _clean_names(_list_metrics(view)).items() if value is not None}
    server.log(run_id, metrics=metrics, params=_list_parameters(view), tags=_list_tags(view, version), at_ms=ended)
    server.upload(artifacts, list_files(project, view))
    model_version = None
    if version is not None:
        server.upload(artifacts, {f"{_MODEL}/{file}": data for file, data in _lay_out(project, version).items()})
        told = {VERSION_TAG: version.name, "holdtrue.digest": version.digest}
        source = f"{artifacts}/{_MODEL}"
        model_version = server.register_version(project.loop.name, run_id=run_id, source=source, tags=told)
    server.end_run(run_id, status=_ENDED[view.state], ended_ms=ended)
    last = {"holdtrue.model_version": model_version or "", WHOLE_TAG: "true"}  # after all else is there
    server.log(run_id, tags=last, at_ms=ended)
    return ExportedRun(run_id=view.run_id, tracking_id=run_id, version=name, model_version=model_version, is_new=True)


def _find_version(project: Project, view: RunView) -> Version | None:
    """Return the version that a run brought; one that came out the same as an earlier run's is that run's."""
    number = view.result.get("version")
    if number is None:
        return None
    with project.store.reading() as tx:
        version = tx.versions.read(project.loop.name, int(number))
    return version if version.lineage.run_id == view.run_id else None


def _lay_out(project: Project, version: Version) -> dict[str, bytes]:
    note = f"{version.loop} {version.name} {version.digest}"
    data = project.store.artifacts.get(version.artifact)
    return lay_out_mlflow(data, version.format, version.signature, note=note)


def _list_metrics(view: RunView) -> dict[str, float | None]:
    cost: dict[str, float | None] = {}
    if view.cost is not None:
        cost = {
            "holdtrue.wall_seconds": view.cost.wall_seconds,
            "holdtrue.cpu_seconds": view.cost.cpu_seconds,
            "holdtrue.peak_memory_bytes": float(view.cost.peak_memory_bytes),
            "holdtrue.price": view.price,
        }
    return {**cost, **view.metrics}


def _list_parameters(view: RunView) -> dict[str, str]:
    declared: Mapping[str, Json] = {} if view.provenance is None else view.provenance.parameters
    made_with = {"dataset": view.dataset, "n_rows": view.n_rows, "code": view.code, "as_of": view.as_of.isoformat()}
    told = {**{f"holdtrue.{key}": value for key, value in made_with.items()}, **declared, **view.parameters}
    return {key: _tell(value)[:_LONGEST_PARAMETER] for key, value in _clean_names(told).items() if value is not None}


def _list_tags(view: RunView, version: Version | None) -> dict[str, str]:
    tags = {
        "holdtrue.reason": view.reason,
        "holdtrue.worker": view.worker or "",
        "holdtrue.error": view.error or "",
        "mlflow.note.content": str(view.result.get("sentence", "")),
        VERSION_TAG: "" if version is None else version.name,
        "holdtrue.ruling": str(view.result.get("ruling", "")),
        "mlflow.source.git.commit": "" if view.checkout is None else view.checkout.commit,
    }
    return {key: value[:_LONGEST_TAG] for key, value in tags.items() if value}


def _read_tags(run: Mapping[str, Json]) -> dict[str, str]:
    return {each["key"]: each["value"] for each in run.get("data", {}).get("tags", [])}


def _tell(value: Json) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _clean_names(named: Mapping[str, T]) -> dict[str, T]:
    """Return the same under names that MLflow takes; two that come out the same are numbered.

    >>> _clean_names({"a//b": 1, "a/b": 2, "../x": 3, ".": 4})
    {'a/b_2': 1, 'a/b': 2, '__/x': 3, '_': 4}
    """
    told: dict[str, str] = {name: name for name in named if _clean(name) == name}  # a good name stays as it is
    taken = set(told)
    for name in named:
        if name in told:
            continue
        plain = cleaned = _clean(name)
        same = 1
        while cleaned in taken:
            same += 1
            cleaned = f"{plain}_{same}"
        taken.add(cleaned)
        told[name] = cleaned
    return {told[name]: value for name, value in named.items()}


def _clean(name: str) -> str:
    """Return a name that is a path below a folder in its shortest form: MLflow takes no other."""
    parts = [part for part in _NAME.sub("_", name)[:_LONGEST_NAME].split("/") if part not in ("", ".")]
    # Two dots lead out of the folder, and MLflow takes each name that begins with them for one that does.
    parts = ["_" * len(part) if part.strip(".") == "" else part for part in parts]
    if parts and parts[0].startswith(".."):
        parts[0] = "__" + parts[0][2:]
    return "/".join(parts) or "_"


def _to_ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
