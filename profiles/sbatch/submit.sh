#!/usr/bin/env bash
# sbatch without the options that are empty, and with the folder of its log made: Slurm does not make it.
set -euo pipefail
words=()
for word in "$@"; do
  case "$word" in
    --gpus=0 | --*=) ;;
    --output=*) folder=$(dirname "${word#*=}"); mkdir -p "$folder"; words+=("$word") ;;
    *) words+=("$word") ;;
  esac
done
exec sbatch "${words[@]}"
