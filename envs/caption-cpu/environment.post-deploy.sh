#!/usr/bin/env bash
# The part of environment.yaml that conda cannot do: Snakemake runs a copy of this in the repository, where it was started, with the
# new environment active. The variable PIP_EXTRA_INDEX_URL names a further package index.
#
# Snakemake makes an environment again when this script has changed, but does not check the files that it installs. So the
# script contains the digest of those files, concatenated.
# sha256 87bb91516cd2ba6dabecac6c02995a8af5fe069407e223a121c4a0f1f63bef14
set -euo pipefail
bash envs/install.sh caption-cpu python
