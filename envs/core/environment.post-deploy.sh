#!/usr/bin/env bash
# What conda cannot do for environment.yaml: Snakemake runs a copy of this in the repository, where it was started, with the
# new environment active. The variable PIP_EXTRA_INDEX_URL names a further package index.
#
# Snakemake makes an environment anew when this script has changed, and does not look at what it installs: hence the
# digest of those files, one after the other.
# sha256 86cb62d9253cb9cd49b2bd324567b04e650941602addc2e5393a3220d051711d
set -euo pipefail
bash envs/install.sh core python
