"""Repetition: has one step of a past run done again where trainings run."""

import msgspec

from holdtrue.domain import Run
from holdtrue.loop import Repetition, RepetitionOrder
from holdtrue.project.project import Project

ENTRY = "holdtrue.loop.child:repeat"


def repeat_step(project: Project, run: Run, step: str) -> Repetition:
    """Do one step of a past run again, with what it was given then; see `holdtrue.loop.repeat_step` for the errors."""
    order = RepetitionOrder(
        folder=str(project.store.folder), loop_file=str(project.loop_file), run_id=run.run_id, step=step
    )
    answered = project.environment.submit(ENTRY, msgspec.to_builtins(order)).result()
    return msgspec.convert(answered, Repetition)
