"""Task: what kind of question a model answers."""

from enum import StrEnum


class Task(StrEnum):
    """The kind of question: two classes, several classes, or a number."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"

    @property
    def has_classes(self) -> bool:
        """Say whether the label is one of a set of classes."""
        return self is not Task.REGRESSION


LabelValue = bool | int | float | str
