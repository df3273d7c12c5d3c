#!/usr/bin/env bash
# What conda cannot do for core.yaml: Snakemake runs a copy of this in the repository, where it was started, with the
# new environment active. The variable PIP_EXTRA_INDEX_URL names a further package index.
#
# Snakemake makes an environment anew when this script has changed, and does not look at what it installs: hence the
# digest of those files, one after the other.
# sha256 417ee293cb864ccdf814f783259405ad014a44b810aa7ed6ab71fc0bf15c3a80
set -euo pipefail
python -m pip install --quiet -r envs/requirements-core.txt
python -m pip install --quiet --no-deps -r envs/requirements-nodeps.txt
