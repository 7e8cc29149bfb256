"""Loop: what a team declares once, and everything else follows from."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import FunctionType

from holdtrue.domain.check import DEFAULT_CHECKS, Check, Slices, check_checks
from holdtrue.domain.digest import Json
from holdtrue.domain.fallback import Fallback, settle_fallback
from holdtrue.domain.feature import Past, PastWindow
from holdtrue.domain.guards import Guards
from holdtrue.domain.judged import settle_judged
from holdtrue.domain.monitor import check_monitor
from holdtrue.domain.outcome import Money
from holdtrue.domain.recipe import Recipe, make_recipe
from holdtrue.domain.rollout import Strategy
from holdtrue.domain.schema import Schema, SchemaFile
from holdtrue.domain.source import Predictions, Table
from holdtrue.domain.task import Task
from holdtrue.domain.trigger import Trigger, Triggers
from holdtrue.domain.tuning import Tune
from holdtrue.errors import DeclarationError

_NAME = re.compile(r"^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$")


@dataclass(frozen=True)
class Loop:
    """The declared life of one model.

    Attributes:
        name: lower-case letters, digits and hyphens; names the model in URLs and on pages.
        data: the declared table, see `holdtrue.table`; or the log of a model that is only watched, see
            `holdtrue.predictions`.
        train: takes a `holdtrue.Dataset`, returns a fitted estimator; None where models are brought with
            `holdtrue register`, or only watched.
        pipeline: steps in place of train: functions whose arguments name other steps, parameters, or `data`, the
            `holdtrue.Dataset`; the one that no other takes returns the fitted estimator.
        parameters: what steps take by name beside that: JSON.
        schema: what rows and requests must keep, see `holdtrue.schema`; None takes the rows as they are.
        outcome: what answers are worth, see `holdtrue.money`; None judges by the loss alone.
        task: "binary", "multiclass" or "regression"; None to tell it from the label.
        validate: the checks that a version must pass: those of `holdtrue`, and functions of one's own.
        rollout: the manner of a rollout, see `holdtrue.canary`; None fits one to the loop's own traffic.
        retrain: what starts a retraining, see `holdtrue.every`, `holdtrue.cron`, `holdtrue.on_new_data`,
            `holdtrue.after` and `holdtrue.on_risk`, joined by `|`; None for the default.
        monitor: the slices whose risk is watched beside that of all rows, see `holdtrue.slices`.
        fallback: who answers a row that the version in charge does not: "last_good" (the champion before), or see
            `holdtrue.last_good`, `holdtrue.constant` and `holdtrue.rule`; None refuses the row.
        guards: what refuses a retraining, see `holdtrue.guards`; None for the least that a gate needs.
        tune: which parameters `holdtrue tune` looks for, see `holdtrue.tune`; None for none.
        features: columns that are computed of the raw ones, by name: polars expressions over one row, windows over past
            rows, see `holdtrue.history`, and functions of the project, which take one row as a dict and return columns
            by name (the name beside a function is its own, not that of a column); or one such function alone. The same
            in training, in a replay, in batches and in service.
    """

    name: str
    data: Table | Predictions
    train: Callable[..., object] | None = None
    outcome: Money | None = None
    task: Task | str | None = None
    validate: tuple[Check, ...] | list[Check] = DEFAULT_CHECKS
    rollout: Strategy | None = None
    retrain: Trigger | Triggers | None = None
    schema: Schema | SchemaFile | None = None
    pipeline: tuple[Callable[..., object], ...] | list[Callable[..., object]] | None = None
    parameters: Mapping[str, Json] = field(default_factory=dict, hash=False)
    monitor: tuple[Slices, ...] | list[Slices] = ()
    fallback: Fallback | str | None = None
    guards: Guards | None = None
    tune: Tune | None = None
    features: Mapping[str, object] | Callable[..., object] = field(default_factory=dict, hash=False, compare=False)

    def __post_init__(self) -> None:
        if not _NAME.match(self.name):
            raise DeclarationError(
                f"the loop's name {self.name!r} cannot be used in URLs and paths",
                expected="1 to 64 lower-case letters, digits and hyphens, such as late-flights",
            )
        if self.train is not None and not callable(self.train):
            raise DeclarationError(f"train={self.train!r} is not a function", expected="a function of one Dataset")
        if self.schema is not None and not isinstance(self.schema, Schema | SchemaFile):
            raise DeclarationError(f"schema={self.schema!r}", expected="what holdtrue.schema(...) returns")
        self._check_recipe()
        if self.task is not None and self.task not in set(Task):
            raise DeclarationError(f"task={self.task!r} is not known", expected=f"one of {[t.value for t in Task]}")
        object.__setattr__(self, "validate", tuple(self.validate))
        check_checks(self.checks)
        object.__setattr__(self, "monitor", tuple(self.monitor))
        check_monitor(self.monitor, self.data)
        if isinstance(self.data, Table):
            computed = tuple(self.features) if isinstance(self.features, Mapping) else ()
            object.__setattr__(self, "data", settle_judged(self.data, self.checks, computed=computed))
        object.__setattr__(self, "fallback", settle_fallback(self.fallback))
        object.__setattr__(self, "task", None if self.task is None else Task(self.task))
        if isinstance(self.retrain, Trigger):
            object.__setattr__(self, "retrain", Triggers((self.retrain,)))
        self._check_triggers()
        self._check_features()
        self._find_late()

    def _check_features(self) -> None:
        if isinstance(self.features, FunctionType):
            object.__setattr__(self, "features", {self.features.__name__: self.features})
        if not isinstance(self.features, Mapping):
            raise DeclarationError(f"features={self.features!r}", expected='features={"name": a polars expression}')
        if self.features and isinstance(self.data, Predictions):
            raise DeclarationError(f"{self.name} only watches, and declares features=", expected="data=ht.table(...)")
        for name, said in self.declared_features.items():
            if not isinstance(name, str) or not name or name.startswith("__"):
                raise DeclarationError(f"the feature {name!r}", expected="a name that does not begin with __")
            if isinstance(said, PastWindow):
                raise DeclarationError(
                    f"the feature {name!r} says no more than a window",
                    expected="what is made of its values: history(...).mean(), sum(), count(), min() or max()",
                )
            if not isinstance(said, Past | FunctionType) and not hasattr(said, "meta"):
                raise DeclarationError(
                    f"the feature {name!r} is {said!r}",
                    expected="a polars expression, holdtrue.history(...).mean(), or a function of one row",
                )

    def _find_late(self) -> None:
        """Declare the columns that features gather and no request carries as known only with the label."""
        if isinstance(self.data, Table):
            gathered = dict.fromkeys(said.of for said in self.declared_features.values() if isinstance(said, Past))
            late = tuple(name for name in gathered if self.data.leaves_out(name))
            if late != self.data.late:
                object.__setattr__(self, "data", replace(self.data, late=late))

    def _check_triggers(self) -> None:
        if self.guards is not None and not isinstance(self.guards, Guards):
            raise DeclarationError(f"guards={self.guards!r}", expected="what holdtrue.guards(...) returns")
        if self.guards is not None and self.guards.max_source_share is not None and self.table.source is None:
            raise DeclarationError(
                "guards(max_source_share=) without a source", expected='table(..., source="column that names the feed")'
            )
        if self.retrain is not None and not isinstance(self.retrain, Triggers):
            raise DeclarationError(
                f"retrain={self.retrain!r} is no trigger",
                expected='triggers joined by |, such as holdtrue.every("7 days") | holdtrue.on_risk()',
            )
        if any(each.loop == self.name for each in (self.triggers or Triggers()).afters):
            raise DeclarationError(f"{self.name} is to be trained after itself", expected="after() of another loop")

    def _check_recipe(self) -> None:
        declared = "train=" if self.train is not None else "pipeline="
        if self.tune is not None and (not isinstance(self.tune, Tune) or not self.trains):
            raise DeclarationError(
                f"{self.name} declares tune={self.tune!r}",
                expected="what holdtrue.tune(...) returns, beside train= or pipeline=",
            )
        if not self.trains:
            if self.parameters:
                raise DeclarationError(
                    f"{self.name} declares parameters= and no steps", expected="train= or pipeline= beside them"
                )
            return
        if self.train is not None and self.pipeline is not None:
            raise DeclarationError(
                f"{self.name} declares train= and pipeline=", expected="one of them: train= is a pipeline of one step"
            )
        if isinstance(self.data, Predictions):
            raise DeclarationError(
                f"{self.name} declares {declared} and data=predictions(...)",
                expected="a loop that only watches trains nothing",
                remedy=f"leave {declared} out, or declare the rows to train on with data=ht.table(...)",
            )
        if self.pipeline is not None:
            if not isinstance(self.pipeline, tuple | list):
                raise DeclarationError(f"pipeline={self.pipeline!r}", expected="a list of functions")
            object.__setattr__(self, "pipeline", tuple(self.pipeline))
        make_recipe(self.train, self.pipeline, self.parameters)
        if self.tune is not None:
            self.tune.check_declared(self.parameters)

    @property
    def table(self) -> Table:
        """Return the declared table.

        Raises:
            DeclarationError: the loop only watches predictions.
        """
        if isinstance(self.data, Predictions):
            raise DeclarationError(
                f"{self.name} only watches a model that is served elsewhere: it trains, serves and judges none",
                expected="a loop with data=ht.table(...)",
                remedy="holdtrue watch shows how good its predictions were",
            )
        return self.data

    @property
    def trains(self) -> bool:
        """Say whether the loop makes models itself, with train or with a pipeline."""
        return self.train is not None or self.pipeline is not None

    @property
    def recipe(self) -> Recipe:
        """Return the steps that make a model, with their parameters.

        Raises:
            DeclarationError: the loop declares none.
        """
        if not self.trains:
            raise DeclarationError(
                f"{self.name} declares no train=",
                expected="Loop(..., train=a function of one Dataset that returns a fitted estimator)",
                remedy="declare it, or pipeline=; a model of your own comes in with holdtrue register LOOP MODEL",
            )
        return make_recipe(self.train, self.pipeline, self.parameters)

    @property
    def declared_features(self) -> Mapping[str, object]:
        """Return what the loop computes, by name; a function that stands alone has its own."""
        return self.features if isinstance(self.features, Mapping) else {}

    @property
    def triggers(self) -> Triggers | None:
        """Return the declared triggers, or None when the default applies."""
        return self.retrain if isinstance(self.retrain, Triggers) else None

    @property
    def declared_fallback(self) -> Fallback | None:
        """Return the declared fallback, or None."""
        return settle_fallback(self.fallback)

    @property
    def checks(self) -> tuple[Check, ...]:
        """Return the declared checks."""
        return tuple(self.validate)

    @property
    def watched_slices(self) -> tuple[tuple[str, ...], ...]:
        """Return the columns, or the columns together, whose slices are watched; each once."""
        return tuple(dict.fromkeys(entry for each in self.monitor for entry in each.columns))

    @property
    def declared_task(self) -> Task | None:
        """Return the declared task, or None when the label tells it."""
        return None if self.task is None else Task(self.task)
