#!/bin/sh
# Writes results.csv beside this file; about a minute on two cores.
set -e
cd "$(dirname "$0")/../.."
python -m experiments.graders.measure
