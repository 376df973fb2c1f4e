#!/usr/bin/env bash
# Seeds 0, 1, 2 of three rewards, each seed from one warm start. From the project's root:
#   experiments/quickstart/run.sh [python]
# A finished run is not repeated; an interrupted one goes on.
set -euo pipefail
python=${1:-python}
for seed in 0 1 2; do
  for reward in paper gated outcome; do
    folder=outputs/studies/quickstart/$reward-$seed
    [ -f "$folder/run.json" ] && continue
    resume=$([ -f "$folder/config.yaml" ] && echo true || echo false)
    "$python" train.py reward=$reward seed=$seed run_dir="$folder" resume="$resume"
  done
done
"$python" experiments/quickstart/collect.py outputs/studies/quickstart
"$python" experiments/quickstart/analyze.py
