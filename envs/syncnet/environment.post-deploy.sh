#!/usr/bin/env bash
# The part of environment.yaml that conda cannot do: Snakemake runs a copy of this in the repository, where it was started, with the
# new environment active. The variable PIP_EXTRA_INDEX_URL names a further package index.
#
# Snakemake makes an environment again when this script has changed, but does not check the files that it installs. So the
# script contains the digest of those files, concatenated.
# sha256 a2ba99bc7d2fce212e6161ee4e296a4f555ebfaf59292e0a190943b61299487e
set -euo pipefail
bash envs/install.sh syncnet python
