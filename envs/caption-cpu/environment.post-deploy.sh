#!/usr/bin/env bash
# What conda cannot do for environment.yaml: Snakemake runs a copy of this in the repository, where it was started, with the
# new environment active. The variable PIP_EXTRA_INDEX_URL names a further package index.
#
# Snakemake makes an environment anew when this script has changed, and does not look at what it installs: hence the
# digest of those files, one after the other.
# sha256 14e4ac87f9979c4c3bf3c44288b10e5dc1d109817b4efaf39049da4f5e160658
set -euo pipefail
python -m pip install --quiet --no-deps -r envs/caption-cpu/requirements.txt
python -m pip install --quiet --no-deps --no-index ./envs/caption-cpu/support
