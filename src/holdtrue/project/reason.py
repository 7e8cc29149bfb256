"""Reason: what each value of a logged row added to the answer that it was given."""

from holdtrue.domain import Contributions, Prediction
from holdtrue.errors import NotFound
from holdtrue.registry import Keyring, explain_row, has_own_release, load_functions, read_release
from holdtrue.serving.answer.loaded import load_released
from holdtrue.serving.request.refusal import Refused

from .project import Project


def explain_prediction(project: Project, prediction: Prediction) -> Contributions:
    """Return what the values of a logged row add to the answer of the version that answered it.

    Raises:
        NotFound: a fallback answered without that version, the version has no release, or what the log has of the row
            cannot be read as its version reads rows.
        TrainingFailed: the model fails on the row.
        FormatRefused: the functions that compute its features may not be run here.
    """
    if prediction.fallback is not None and not prediction.fallback.startswith(("v", "last_good")):
        raise NotFound("a fallback answered, which weighs no values")
    with project.store.reading() as tx:
        keyring = Keyring.open(project.store.folder / "keys")
        release = read_release(project.store, tx, project.loop.name, prediction.version, keyring)
        is_own = has_own_release(project.store, tx, release.version, keyring)
    functions = load_functions(release.version.signature, project.store.artifacts, is_own=is_own)
    loaded = load_released(release, project.store.artifacts, functions)
    try:
        row = loaded.read_logged(prediction).values
    except Refused as refused:
        raise NotFound(f"the row in the log is no row of {release.version.name}: {refused.found}") from refused
    return explain_row(loaded.scorer, release.version, row, references=loaded.references)
