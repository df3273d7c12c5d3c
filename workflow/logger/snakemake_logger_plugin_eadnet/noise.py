"""Snakemake's plain messages that the quiet console leaves out; all others are shown."""

import logging

# Beginnings of messages about Snakemake's internals, not about the state of the run. All are in its log file.
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
# Errors that only repeat the block of a failed job.
REPEATED = ("Exiting because a job execution failed", "WorkflowError:\nAt least one job did not complete")


def is_noise(record: logging.LogRecord, message: str) -> bool:
    """Whether a message without a known event is left out; of warnings and errors only repetitions are."""
    if record.levelno >= logging.WARNING:
        return message.startswith(REPEATED)
    return record.levelno < logging.INFO or not message.strip() or message.startswith(NOISE)
