"""Variable: by what a child process is told where the steps of its trainings are done."""

# Set in the child processes that train, and empty again in those that do a step on a machine of the cluster.
VARIABLE = "HOLDTRUE_COMPUTE"
