"""Explanation: the way from one answer back to everything that it rests on, in sentences."""

from datetime import UTC, datetime

from holdtrue.domain import AuditEntry, Explanation, Json, Prediction, Role, format_count
from holdtrue.report.sentences import tell_verdict
from holdtrue.report.words import format_moment, format_number, format_share

_SHORT = 12


def tell_explanation(explanation: Explanation) -> tuple[str, ...]:
    """Say who answered what and why it was this version, where that came from, and what became of it."""
    sentences = [_tell_answer(explanation)]
    if explanation.label is None:
        sentences.append("Its label has not come yet.")
    else:
        known = format_moment(datetime.fromtimestamp(explanation.label.at, UTC))
        sentences.append(f"Its label is {explanation.label.label}, known on {known}.")
    sentences += _tell_origin(explanation)
    name = f"v{explanation.prediction.version}"
    sentences += [tell_verdict(record, name=name) for record in explanation.verdicts]
    sentences += [f"{format_moment(e.at)}: {e.sentence} ({e.actor})" for e in explanation.decisions]
    sentences += [f"{format_moment(e.at)}: a training was refused. {tell_refusal(e)}" for e in explanation.refusals]
    return tuple(sentences)


def tell_refusal(entry: AuditEntry) -> str:
    """Say why a training was refused, as a whole sentence."""
    said = entry.sentence[:1].upper() + entry.sentence[1:]
    return said if said.endswith(".") else f"{said}."


def tell_answer(prediction: Prediction, *, classes: tuple[Json, ...] = ()) -> str:
    """Say an answer in figures: a share for each class, or the number.

    A binary answer is said as the share of its second class, the positive one.
    """
    answer = prediction.answer
    if len(answer) == 1 or not answer:
        return format_number(answer[0]) if answer else "nothing"
    names = classes if len(classes) == len(answer) else tuple(range(len(answer)))
    shown = list(zip(names, answer, strict=True))[1:] if len(answer) == 2 else list(zip(names, answer, strict=True))
    return ", ".join(f"{name}: {format_share(share)}" for name, share in shown)


def _tell_answer(explanation: Explanation) -> str:
    prediction, version = explanation.prediction, explanation.version
    at = format_moment(datetime.fromtimestamp(prediction.time, UTC))
    classes = tuple(version.signature.classes) if version is not None else ()
    answer = tell_answer(prediction, classes=classes)
    role = "forced by a test" if prediction.role is Role.FORCED else f"as {prediction.role.value}"
    if prediction.role is not Role.SHADOW and prediction.probability < 1:
        role += f", which it was with a chance of {format_share(prediction.probability)}"
    decided = f" The decision was {prediction.decision}." if prediction.decision is not None else ""
    fallback = f" A fallback answered in its place: {prediction.fallback}." if prediction.fallback else ""
    return f"On {at}, v{prediction.version} answered {answer} for {prediction.key} ({role}).{decided}{fallback}"


def _tell_origin(explanation: Explanation) -> list[str]:
    version, dataset, run = explanation.version, explanation.dataset, explanation.run
    if version is None:
        return [f"v{explanation.prediction.version} is not in this store."]
    lineage = version.lineage
    made = f"made by run {lineage.run_id} from code {lineage.code[:_SHORT]}"
    if version.is_brought:
        made = f"a model that was brought as a file and judged by run {lineage.run_id}"
    sentences = [f"{version.name} is {version.digest[:_SHORT]}, {made}."]
    if run is not None:
        sentences.append(f"The run was started because: {run.reason}.".replace("..", "."))
    if dataset is not None:
        rows = f"{format_count(dataset.n_rows, 'row')}, {dataset.n_labelled:,} of them labelled"
        known = format_moment(dataset.as_of)
        used = "judged" if version.is_brought else "trained"
        sentences.append(f"It was {used} on dataset {dataset.digest[:_SHORT]} ({rows}), as known on {known}.")
    if explanation.release is not None:
        sentences.append(f"The servers took it from release {explanation.release[:_SHORT]}.")
    return sentences
