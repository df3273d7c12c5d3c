#!/usr/bin/env bash
# The part of environment.yaml that conda cannot do: Snakemake runs a copy of this in the repository, where it was started, with the
# new environment active. The variable PIP_EXTRA_INDEX_URL names a further package index.
#
# Snakemake makes an environment again when this script has changed, but does not check the files that it installs. So the
# script contains the digest of those files, concatenated.
# sha256 acf3fc8ad10d1a953b4d9eb2f4c34f474f6ae665ba3f05f12607e0d908a97fd2
set -euo pipefail
bash envs/install.sh syncnet python
