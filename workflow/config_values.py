"""Values of ``--config`` reach the jobs of a cluster in a file.

Snakemake passes them on in the command line of every job, quoted as Python does it and not for a shell, and once more
in the job: a value with both kinds of quotes fails every job, a backslash is doubled, a ``$`` may be expanded.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any


def pass_by_file(workflow: Any, values: dict[str, Any]) -> None:
    """Put a file with the values behind the user's configuration files, for jobs; nothing where no cluster runs them.

    The file's name is a digest of its content, so jobs of an earlier run keep theirs.

    Args:
        workflow: Snakemake's workflow, in the program that the user has started.
        values: what ``--config`` says, with numbers as numbers.
    """
    if not values or not workflow.is_main_process or workflow.nodes is None:
        return
    text = json.dumps(values, sort_keys=True)
    path = Path(f".snakemake/config/{hashlib.sha256(text.encode()).hexdigest()[:16]}.json").absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)
    workflow.config_settings.configfiles.append(path)
    workflow.config_settings.config_args = []
