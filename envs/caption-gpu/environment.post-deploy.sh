#!/usr/bin/env bash
# The part of environment.yaml that conda cannot do: Snakemake runs a copy of this in the repository, where it was started, with the
# new environment active. The variable PIP_EXTRA_INDEX_URL names a further package index.
#
# Snakemake makes an environment again when this script has changed, but does not check the files that it installs. So the
# script contains the digest of those files, concatenated.
# sha256 6d3a721864941cbdfd4d3d5de40b8b152a708b38c5e9e177fad864d5e9331431
set -euo pipefail
bash envs/install.sh caption-gpu python
