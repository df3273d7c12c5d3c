#!/bin/bash
# SLURM's daemons and commands from Debian's or Ubuntu's packages, where they are absent. SLURM's services
# do not start: they want /etc/slurm/slurm.conf, which the tests do without.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin
missing=()
for program in munged slurmctld slurmd sbatch; do command -v "$program" >/dev/null || missing+=("$program"); done
if ((${#missing[@]} == 0)); then
  echo "SLURM is installed: $(slurmd -V)"
  exit 0
fi
if ! command -v apt-get >/dev/null || ((EUID != 0)); then
  echo "error: no ${missing[*]}: install munge, slurmctld, slurmd and slurm-client with this system's packages" >&2
  exit 1
fi
apt-get update --quiet
DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --no-install-recommends munge slurmctld slurmd slurm-client
