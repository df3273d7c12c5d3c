"""Values of ``--config`` arrive in the jobs as they were typed: nested, with spaces, quotes and dollar signs."""

import json

import pandas as pd
import pytest

from tests.slurm.processes import ProcessWatch
from tests.slurm.submission import model_files

pytestmark = pytest.mark.slurm

ODD = """/a path/$HOME/it's "so" \\ and ${UNSET:-this} `date` #1"""


def test_nested_and_odd_values_survive(after):
    project = after("runs/full")
    config = (
        'training={"optimiser": {"steps": 4, "batch_size": 2, "warmup": 2}}',
        f"compute={json.dumps({'syncnet_python': ODD})}",
    )
    with ProcessWatch(project.folder) as watch:
        project.run(*model_files("full"), config=config)
    assert json.loads(watch.option("train", "--compute"))["syncnet_python"] == ODD
    losses = pd.read_parquet(project.results / "runs/full/0/train.parquet")
    assert losses["step"].nunique() == 4
