#!/usr/bin/env bash
# The part of environment.yaml that conda cannot do: Snakemake runs a copy of this in the repository, where it was started, with the
# new environment active. The variable PIP_EXTRA_INDEX_URL names a further package index.
#
# Snakemake makes an environment again when this script has changed, but does not check the files that it installs. So the
# script contains the digest of those files, concatenated.
# sha256 48db7f6fb7d403783d61c368484a15e24169c47118e9e6c047692374ea9b123d
set -euo pipefail
bash envs/install.sh caption-cpu python
