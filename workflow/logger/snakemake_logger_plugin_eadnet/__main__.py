"""``python -m snakemake_logger_plugin_eadnet results/benchmarks``: write the usual times (see ``usual``)."""

import sys
from pathlib import Path

from snakemake_logger_plugin_eadnet.usual import write_usual

write_usual(Path(sys.argv[1]))
