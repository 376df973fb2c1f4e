#!/bin/sh
# Writes results.csv beside this file; under two minutes on two cores.
set -e
cd "$(dirname "$0")/../.."
python -m experiments.graders.measure
