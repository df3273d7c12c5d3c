#!/usr/bin/env bash
# What conda cannot do for environment.yaml: Snakemake runs a copy of this in the repository, where it was started, with the
# new environment active. The variable PIP_EXTRA_INDEX_URL names a further package index.
#
# Snakemake makes an environment anew when this script has changed, and does not look at what it installs: hence the
# digest of those files, one after the other.
# sha256 f9f12ee6cbd3d36cda7880e039c6129dd167ba1ef5690afbe46ec5d781e38aa2
set -euo pipefail
bash envs/install.sh caption-gpu python
