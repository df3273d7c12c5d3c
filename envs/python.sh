#!/usr/bin/env bash
# envs/python.sh [PYTHON ...]: print the first Python from which environments can be made, or one line with the fix.
#
# This runs before anything is made, so that nothing is left on a machine that is not supported.
set -uo pipefail

fail() {
    echo "error: $1" >&2
    exit 1
}

case "$(uname -s) $(uname -m)" in
    "Linux x86_64") ;;
    Darwin*) fail "macOS is not supported, only Linux on x86-64 (the lock's wheels): use such a machine, or a container: docker run --platform linux/amd64 -it -v \"\$PWD\":/eadnet -w /eadnet python:3.12 make reproduce" ;;
    Linux*) fail "$(uname -m) is not supported, only x86-64: MediaPipe 0.10.21 has no wheels for others; use such a machine (training alone runs anywhere torch does: python -m eadnet train)" ;;
    *) fail "$(uname -s) is not supported, only Linux on x86-64: on Windows, run this inside WSL 2" ;;
esac
libc=$(getconf GNU_LIBC_VERSION 2>/dev/null | cut -d' ' -f2)
if [ "$(printf '%s\n' 2.28 "${libc:-0}" | sort -V | head -n 1)" != 2.28 ]; then
    fail "glibc 2.28 or newer is needed, this is ${libc:-another C library}: the wheels of torch and MediaPipe want it; use Debian 10, Ubuntu 20.04, RHEL 8 or newer"
fi

candidates=("$@")
[ $# -gt 0 ] || candidates=(python3.11 python3.12 python3 python)
found="" unready=""
for python in "${candidates[@]}"; do
    version=$("$python" -c 'import platform as p; print(p.python_implementation(), p.python_version())' 2>/dev/null) || continue
    case $version in
        "CPython 3.11."* | "CPython 3.12."*)
            "$python" -c 'import ensurepip, venv' 2>/dev/null && echo "$python" && exit 0
            unready=$python
            ;;
        *) found="$found; $python is $version" ;;
    esac
done
if [ -n "$unready" ]; then
    minor=$("$unready" -c 'import sys; print(sys.version_info[1])')
    fail "$unready cannot make environments: apt-get install python3.$minor-venv (Debian and Ubuntu keep that module apart), then give the same command again"
fi
fail "Python 3.11 or 3.12 is needed (MediaPipe 0.10.21 has no wheels for others)${found}. Get one: uv python install 3.12 (uv: pip install uv), then make PYTHON=\"\$(uv python find 3.12)\" with your target"
