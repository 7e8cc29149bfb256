"""Bringing: a model that was trained elsewhere goes through admission and the gate of a loop."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from holdtrue.errors import DeclarationError, SourceMissing
from holdtrue.loop import Brought, CaughtUp, Fitted, Trained, TrainingLost, derive_rows, lay_brought
from holdtrue.registry import find_mlflow_model, learn_levels, make_twin, recall_model
from holdtrue.validation import admit_model, check_size, convert_model

from .project import Project


@dataclass(frozen=True, kw_only=True)
class ModelFile:
    """A file of a model from outside: its name, its bytes, and when it was last written."""

    name: str
    data: bytes
    written_at: datetime


def read_model_file(path: Path) -> ModelFile:
    """Read a model file, or the file that an MLflow folder names; the size is judged first.

    Raises:
        SourceMissing: there is none.
        FormatRefused: it is too large, or the folder names none that is taken.
    """
    file = find_mlflow_model(path) if path.is_dir() else path
    if not file.is_file():
        raise SourceMissing(f"there is no file {path}", expected="a model file, or an MLflow model folder")
    stat = file.stat()
    check_size(stat.st_size)
    return ModelFile(name=path.name, data=file.read_bytes(), written_at=datetime.fromtimestamp(stat.st_mtime, tz=UTC))


def bring_model(
    project: Project, path: Path, *, trained_until: datetime | None = None, converts: bool = False
) -> Trained | CaughtUp | TrainingLost:
    """Admit a model, judge it on rows that it cannot have seen, and place it as a trained challenger is placed.

    Args:
        project: the open project, which nobody else controls.
        path: the file, or an MLflow folder.
        trained_until: no row that the model was trained on is later. None takes the moment at which its file was
            written: it cannot have seen more.
        converts: the file is a pickle of one's own, which is read in a child process. THAT RUNS THE CODE IN IT.

    Raises:
        SourceMissing: there is no such file.
        FormatRefused: the model was not admitted.
        DeclarationError: `trained_until` lies in the future.
    """
    file, now = read_model_file(path), project.clock.now()
    until = min(file.written_at, now) if trained_until is None else trained_until
    if until > now:
        raise DeclarationError(
            f"trained until {until.isoformat()}, which is to come", expected="a moment that has been"
        )
    controller = project.make_controller()
    known = derive_rows(controller.history(now), project.loop).known_at(now)
    data = convert_model(file.data, task=known.task) if converts else file.data
    signature, sample = lay_brought(known, trained_until=until)
    signature = learn_levels(data, signature)
    admitted = admit_model(data, signature=signature, sample=sample)
    scorer = recall_model(admitted.stored.data, admitted.stored.format, signature)
    twin = make_twin(scorer, admitted.stored, sample)
    brought = Brought(
        model=Fitted(
            format=admitted.stored.format,
            artifact=project.store.artifacts.put(admitted.stored.data),
            trained_until=until,
            n_rows=0,
            twin=None if twin is None else project.store.artifacts.put(twin.data),
        ),
        signature=signature,
        sample=admitted.sample,
        sample_answers=admitted.answers,
    )
    return controller.judge_now(brought, f"{file.name} was brought, trained until {until:%Y-%m-%d %H:%M}")
