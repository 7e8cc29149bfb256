"""Signature: what a version takes and what it gives."""

from dataclasses import dataclass, replace
from functools import cached_property

from holdtrue.domain.digest import digest_of
from holdtrue.domain.feature import Feature
from holdtrue.domain.row_function import RowFunction
from holdtrue.domain.schema import Schema
from holdtrue.domain.task import LabelValue, Task


@dataclass(frozen=True, kw_only=True)
class Signature:
    """Input schema and output form of a version.

    For classes the answer is one probability for each of `classes`, in that order (for a binary task the second class
    is the positive one); for a regression `classes` is empty and the answer is one number.
    """

    schema: Schema
    task: Task
    label: str
    classes: tuple[LabelValue, ...] = ()
    features: tuple[Feature, ...] = ()

    @cached_property
    def given(self) -> Schema:
        """The schema of what a request carries: the columns that are not computed."""
        if not self.features:
            return self.schema
        computed = {feature.name for feature in self.features}
        return replace(self.schema, columns=tuple(c for c in self.schema.columns if c.name not in computed))

    @cached_property
    def functions(self) -> tuple[RowFunction, ...]:
        """The functions of the project that make features, each once."""
        return tuple(dict.fromkeys(each.function for each in self.features if each.function is not None))

    @cached_property
    def meaning(self) -> str:
        """The digest of what a version takes and gives: what its functions do is in it, and not how they are spelt."""
        features = tuple(
            each if each.function is None else replace(each, function=replace(each.function, source=""))
            for each in self.features
        )
        return digest_of(replace(self, features=features))

    @property
    def n_outputs(self) -> int:
        """Return how many numbers an answer holds."""
        return len(self.classes) if self.task.has_classes else 1
