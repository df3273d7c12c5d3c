#!/usr/bin/env bash
# The part of environment.yaml that conda cannot do: Snakemake runs a copy of this in the repository, where it was started, with the
# new environment active. The variable PIP_EXTRA_INDEX_URL names a further package index.
#
# Snakemake makes an environment again when this script has changed, but does not check the files that it installs. So the
# script contains the digest of those files, concatenated.
# sha256 b3315b00336a2e42d226bd77c486c165f0b9bfb079098197af1348307e1b7878
set -euo pipefail
bash envs/install.sh core python
