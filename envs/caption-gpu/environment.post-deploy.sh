#!/usr/bin/env bash
# The part of environment.yaml that conda cannot do: Snakemake runs a copy of this in the repository, where it was started, with the
# new environment active. The variable PIP_EXTRA_INDEX_URL names a further package index.
#
# Snakemake makes an environment again when this script has changed, but does not check the files that it installs. So the
# script contains the digest of those files, concatenated.
# sha256 93910e658e406c2b05cbf5cc141cfcbc6f7cc44d81f7e60cf919354c06f8ed0b
set -euo pipefail
bash envs/install.sh caption-gpu python
