#!/usr/bin/env bash
# Says of a job number: running, success or failed. A job that Slurm has forgotten counts as failed.
state=$(squeue --noheader --states=all --format=%T --jobs="$1" 2> /dev/null | head -n 1)
case "$state" in
  COMPLETED) echo success ;;
  "" | BOOT_FAIL | CANCELLED | DEADLINE | FAILED | NODE_FAIL | OUT_OF_MEMORY | TIMEOUT) echo failed ;;
  *) echo running ;;
esac
