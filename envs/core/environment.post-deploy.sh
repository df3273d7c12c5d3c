#!/usr/bin/env bash
# The part of environment.yaml that conda cannot do: Snakemake runs a copy of this in the repository, where it was started, with the
# new environment active. The variable PIP_EXTRA_INDEX_URL names a further package index.
#
# Snakemake makes an environment again when this script has changed, but does not check the files that it installs. So the
# script contains the digest of those files, concatenated.
# sha256 97c6b3b43d66e5bc46688ba21f508d3e9a340f6394d72d1998a05a79448631aa
set -euo pipefail
bash envs/install.sh core python
