#!/usr/bin/env bash
# What conda cannot do for environment.yaml: Snakemake runs a copy of this in the repository, where it was started, with the
# new environment active. The variable PIP_EXTRA_INDEX_URL names a further package index.
#
# Snakemake makes an environment anew when this script has changed, and does not look at what it installs: hence the
# digest of those files, one after the other.
# sha256 511e3507ff64f456ebea961b8c72694c2dc6c868c1c71500288a90a4c4e95067
set -euo pipefail
python -m pip install --quiet --no-deps -r envs/caption-gpu/requirements.txt
