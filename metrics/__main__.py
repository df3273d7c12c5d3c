"""Run the protocol: ``python -m metrics VERB``."""

from metrics.cli import main

main()
