#!/usr/bin/env bash
# Seeds 0, 1, 2 of four rewards, each seed from one warm start, two runs at a time. From the project's root:
#   experiments/quickstart/run.sh [python]
# A finished run is not repeated; an interrupted one goes on.
set -euo pipefail
export python=${1:-python} OMP_NUM_THREADS=1
one() { # seed, name of the reward, overrides
  folder=outputs/studies/quickstart/$2-$1
  [ -f "$folder/run.json" ] && return
  resume=$([ -f "$folder/config.yaml" ] && echo true || echo false)
  "$python" train.py "${@:3}" seed="$1" run_dir="$folder" resume="$resume" >/dev/null
}
export -f one
for seed in 0 1 2; do
  printf '%s\n' \
    "$seed paper reward=paper" \
    "$seed no_trust reward=paper reward.trust=false" \
    "$seed gated reward=gated" \
    "$seed outcome reward=outcome"
done | xargs -P 2 -I {} bash -c 'one {}'
"$python" experiments/quickstart/collect.py outputs/studies/quickstart
"$python" experiments/quickstart/analyze.py
