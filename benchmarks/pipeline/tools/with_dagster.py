"""Dagster: the functions are ops of a job, run in this process with a persistent instance."""

import sys

import chain
import dagster


def make_first(function):
    def compute():
        return function()

    return dagster.op(name=function.__name__)(compute)


def make_op(function):
    def compute(before):
        return function(before)

    return dagster.op(name=function.__name__, ins={"before": dagster.In()})(compute)


ops = [make_first(chain.FUNCTIONS[0]), *(make_op(function) for function in chain.FUNCTIONS[1:])]


@dagster.job(resource_defs={"io_manager": dagster.fs_io_manager})
def run_chain():
    value = ops[0]()
    for each in ops[1:]:
        value = each(value)


with dagster.DagsterInstance.get() as instance:
    if sys.argv[1] == "resume":
        # What its own page does when it is told to go on from a failure.
        last = instance.get_runs(limit=1)[0]
        options = dagster.ReexecutionOptions.from_failure(last.run_id, instance)
        job = dagster.reconstructable(run_chain)
        done = dagster.execute_job(job, instance=instance, reexecution_options=options)
    else:
        done = run_chain.execute_in_process(instance=instance)
        print("RESULT", done.output_for_node(chain.FUNCTIONS[-1].__name__))
    sys.exit(0 if done.success else 1)
