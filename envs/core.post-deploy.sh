#!/usr/bin/env bash
# What conda cannot do for core.yaml: Snakemake runs a copy of this in the repository, where it was started, with the
# new environment active. The variable PIP_EXTRA_INDEX_URL names a further package index.
#
# Snakemake makes an environment anew when this script has changed, and does not look at what it installs: hence the
# digest of those files, one after the other.
# sha256 a391af5b20179f0939727bf51315887263752e509b1b27466c28f7043eda33d1
set -euo pipefail
python -m pip install --quiet -r envs/requirements-core.txt
python -m pip install --quiet --no-deps -r envs/requirements-nodeps.txt
