"""What every job of a run would ask SLURM for, by the words of the executor plugin; nothing is submitted or run.

    python -m tests.support.asked_of_slurm OPTIONS_OF_SNAKEMAKE ...

Snakemake goes its usual way with these options (profile, configuration, DAG, resources, executor) up to where the
executor stands. Then the plugin's own functions give the command line of ``sbatch`` for every job. Prints a JSON line
for each: rule, wildcards, and that line without what differs between runs; null for a job that runs beside Snakemake.
"""

import json
import os
import sys

from snakemake import cli
from snakemake_executor_plugin_slurm import Executor, get_submit_command, set_gres_string

CHANGING = {"run_uuid": "ID", "slurm_logfile": "LOG", "comment_str": "", "account": "", "partition": "", "workdir": ""}


def print_requests(executor: Executor) -> None:
    """In the place of the executor's preparation: print, and end before any job is started."""
    workflow = executor.workflow
    for job in workflow.dag.needrun_jobs():
        call = get_submit_command(job, CHANGING, settings=workflow.executor_settings) + set_gres_string(job)
        asked = {"rule": job.rule.name, "wildcards": job.wildcards_dict, "sbatch": None if job.is_local else call}
        print(json.dumps(asked))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    Executor.__post_init__ = print_requests
    # nothing is submitted, so no earlier run's jobs matter, and there may be no SLURM to ask
    cli.main([*sys.argv[1:], "--config", "compute={left_jobs: ignore}"])
