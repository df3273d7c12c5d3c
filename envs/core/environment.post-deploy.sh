#!/usr/bin/env bash
# The part of environment.yaml that conda cannot do: Snakemake runs a copy of this in the repository, where it was started, with the
# new environment active. The variable PIP_EXTRA_INDEX_URL names a further package index.
#
# Snakemake makes an environment again when this script has changed, but does not check the files that it installs. So the
# script contains the digest of those files, concatenated.
# sha256 83d7776028640974b4bfa82df0e6ef4bc9189e60e67e084ab618cd32ea7780ca
set -euo pipefail
bash envs/install.sh core python
