#!/usr/bin/env bash
# Snakemake runs this in the checkout, once main.yaml's environment is there.
exec make install ENVIRONMENT="$CONDA_PREFIX" LOCK=main
