#!/usr/bin/env bash
# envs/install.sh NAME PYTHON: install the lock of the environment NAME (core, caption-cpu, caption-gpu, syncnet) into a Python.
#
# Locks name every version, so nothing is resolved (--no-deps). The version of torch has two builds: an index of CPU
# builds has 2.13.0+cpu; PyPI has the build for GPUs, which cannot be imported without the libraries in
# cuda.txt. PIP_EXTRA_INDEX_URL names a further index.
set -euo pipefail
name=$1 python=$2
folder=$(dirname "${BASH_SOURCE[0]}")/$name
install=("$python" -m pip install --quiet --disable-pip-version-check --no-deps)

"${install[@]}" -r "$folder/requirements.txt"
torch=$("$python" -c 'from importlib.metadata import version; print(version("torch"))')
if [ -e "$folder/cuda.txt" ] && [[ $torch != *+cpu ]]; then
    "${install[@]}" -r "$folder/cuda.txt"
fi
if [ -e "$folder/support" ]; then
    "${install[@]}" --no-index "$folder/support"
fi
