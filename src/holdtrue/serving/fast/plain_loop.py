"""PlainLoop: what one loop serves, made ready for the short way; made once for each change of its traffic."""

from holdtrue.domain import Assignment, assign
from holdtrue.serving.answer.loaded import ServedLoop
from holdtrue.serving.fast.arm import Arm, Taker
from holdtrue.serving.fast.form import Form, NativeForm, TensorForm
from holdtrue.serving.fast.row_type import RowType, make_row_type, name_form


class PlainLoop:
    """A served loop whose rows may go the short way.

    Attributes:
        served: what it was made for.
        name: the loop's.
        row_type: how its rows are decoded.
        forms: the decoder of each wire form, by its name.
        takers: for each version, what takes its values out of a row.
        computes: whether one of them computes features, so that the moment of a row is needed before it is scored.
        sole: the arm that answers everyone; None where units are assigned.
        company_seconds: how long a row may wait for others to be asked with.
        has_company: whether several requests were answered together the last time.
    """

    def __init__(self, served: ServedLoop, row_type: RowType) -> None:
        schema = served.champion.release.version.signature.given
        self.served = served
        self.name = served.traffic.loop
        self.row_type = row_type
        self.forms: dict[str, Form] = {"native": NativeForm(row_type), "v2": TensorForm(row_type, schema)}
        self.takers = {number: Taker(version, row_type) for number, version in served.versions.items()}
        self.computes = any(version.computer is not None for version in served.versions.values())
        self._answering = [served.versions[number] for number in served.traffic.shares if number in served.versions]
        self._arms: dict[Assignment, Arm] = {}
        self.company_seconds = max(version.pace.company_seconds for version in served.versions.values())
        self.has_company = False
        self.sole = self.find_arm("") if served.traffic.challenger is None else None

    @property
    def is_fast(self) -> bool:
        """Say whether the event loop may still wait for all that answer."""
        return all(version.is_fast for version in self._answering)

    def find_arm(self, unit: str) -> Arm:
        """Return who answers a unit."""
        assignment = assign(self.served.traffic, unit)
        arm = self._arms.get(assignment)
        if arm is None:
            version = self.served.versions[assignment.version]
            arm = self._arms[assignment] = Arm(assignment, version, self.takers[assignment.version])
        return arm


def make_plain_loop(served: ServedLoop) -> PlainLoop | None:
    """Make a loop ready for the short way; None where it cannot go it.

    It cannot where a version that answers is slow (its rows wait in a thread, and the event loop must not), or where
    the versions do not take rows of one form.
    """
    versions = [served.versions[number] for number in served.traffic.shares if number in served.versions]
    schemas = [version.release.version.signature.given for version in versions]
    if not all(version.is_fast for version in versions):
        return None
    if any(name_form(schema) != name_form(schemas[0]) for schema in schemas):
        return None
    if any(version.names != versions[0].names for version in versions):
        return None
    names = served.champion.names
    computers = [version.computer for version in versions if version.computer is not None]
    past_names = list(dict.fromkeys(name for computer in computers for name in computer.past_names))
    if any(name in past_names for name in (*names.declared, *schemas[0].names)):
        return None
    return PlainLoop(served, make_row_type(schemas[0], names, past_names=past_names))
