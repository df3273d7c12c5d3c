#!/usr/bin/env bash
# The part of environment.yaml that conda cannot do: Snakemake runs a copy of this in the repository, where it was started, with the
# new environment active. The variable PIP_EXTRA_INDEX_URL names a further package index.
#
# Snakemake makes an environment again when this script has changed, but does not check the files that it installs. So the
# script contains the digest of those files, concatenated.
# sha256 16a46f0ebacf9edf2e2f57f45f8d2d21c6982b0bd2ce89cc440b092af97f83c8
set -euo pipefail
bash envs/install.sh core python
