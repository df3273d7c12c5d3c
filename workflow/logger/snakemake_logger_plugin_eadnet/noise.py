"""Which of Snakemake's plain messages a quiet console leaves out; what is not known here is shown."""

import logging

# Beginnings of messages that say how Snakemake works and not how the run goes. All stand in its log file.
NOISE = (
    "Activating conda environment",
    "Assuming unrestricted shared filesystem",
    "Building DAG of jobs",
    "Conda environments: ignored",
    "Elapsed time",
    "Group jobs: inactive",
    "Host: ",
    "Removing output files of failed job",
    "Select jobs to execute",
    "Shutting down, this might take some time",
    "Singularity containers: ignored",
    "Touching output file",
    "Using shell",
    "Waiting at most",
)
# Errors that only repeat what the block of a failed job has said.
REPEATED = ("Exiting because a job execution failed", "WorkflowError:\nAt least one job did not complete")


def is_noise(record: logging.LogRecord, message: str) -> bool:
    """Whether a message without an event of its own is left out; warnings never are."""
    if record.levelno >= logging.WARNING:
        return message.startswith(REPEATED)
    return record.levelno < logging.INFO or not message.strip() or message.startswith(NOISE)
