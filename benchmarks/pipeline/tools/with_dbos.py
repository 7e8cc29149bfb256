"""DBOS: the functions are steps of a durable workflow in SQLite."""

import sys
import uuid

import chain
from dbos import DBOS, SetWorkflowID

DBOS(config={"name": "chain", "system_database_url": "sqlite:///dbos.sqlite", "run_admin_server": False})
steps = [DBOS.step()(function) for function in chain.FUNCTIONS]


@DBOS.workflow()
def run_chain() -> int:
    value = steps[0]()
    for each in steps[1:]:
        value = each(value)
    return value


DBOS.launch()
if sys.argv[1] == "resume":
    print("RESULT", DBOS.retrieve_workflow("killed").get_result())  # launch has begun it again by itself
else:
    with SetWorkflowID("killed" if len(sys.argv) > 2 and sys.argv[2] == "killed" else uuid.uuid4().hex):
        print("RESULT", run_chain())
DBOS.destroy()
