#!/usr/bin/env bash
# The part of environment.yaml that conda cannot do: Snakemake runs a copy of this in the repository, where it was started, with the
# new environment active. The variable PIP_EXTRA_INDEX_URL names a further package index.
#
# Snakemake makes an environment again when this script has changed, but does not check the files that it installs. So the
# script contains the digest of those files, concatenated.
# sha256 2e5d56f52eea946c3d1637e06294b07ae921820b9e3baedc9e96c18f07e95dd9
set -euo pipefail
bash envs/install.sh core python
