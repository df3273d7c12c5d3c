#!/usr/bin/env bash
# What conda cannot do for environment.yaml: Snakemake runs a copy of this in the repository, where it was started, with the
# new environment active. The variable PIP_EXTRA_INDEX_URL names a further package index.
#
# Snakemake makes an environment anew when this script has changed, and does not look at what it installs: hence the
# digest of those files, one after the other.
# sha256 2aba591db34c3e9b256025a8293ab192ea1c04b90752a4dbe5697efb008a1a00
set -euo pipefail
bash envs/install.sh caption-cpu python
